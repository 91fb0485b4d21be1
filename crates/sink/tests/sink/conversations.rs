//! Conversations on a raw socket, both sides: in lockstep, in one segment, and byte by byte.

use crate::client::{TestClient, codes};
use smtp_sink::{AfterData, Behavior, EventKind, Extension, Latch, Sink, Stage, Wait};

/// One side's lines and the codes that must answer them; a session starts behind the EHLO.
type Script = &'static [(&'static str, &'static str)];

/// Runs a script against a behavior in lockstep.
async fn lockstep(behavior: Behavior, script: Script) -> Sink {
    let sink = Sink::start(behavior).await.unwrap();
    let mut client = TestClient::hello(&sink).await;
    for (line, expected) in script {
        let reply = client.line(line).await;
        assert!(reply.starts_with(expected), "{line}: {reply}");
    }
    sink
}

#[tokio::test]
async fn commands_come_in_order() {
    let script: Script = &[
        ("RCPT TO:<a@x.org>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("MAIL FROM:<a@x.org>", "250 2.1.0"),
        ("MAIL FROM:<a@x.org>", "503 5.5.1"),
        ("DATA", "554 5.5.1"),
        ("RSET", "250"),
        ("RCPT TO:<a@x.org>", "503"),
        ("AUTH PLAIN", "502"),
        ("STARTTLS", "502"),
        ("BDAT 0 LAST", "502"),
        ("FROB", "500 5.5.2"),
        ("DATA now", "501 5.5.4"),
        ("VRFY ada", "252"),
        ("NOOP", "250"),
        ("EHLO again.example", "250-"),
        ("QUIT", "221"),
    ];
    lockstep(Behavior::default(), script).await;
}

#[tokio::test]
async fn mail_needs_a_hello_and_ehlo_forgets_a_mail() {
    let sink = Sink::start(Behavior::default()).await.unwrap();
    let mut client = TestClient::open(&sink).await;
    assert!(client.line("MAIL FROM:<a@x.org>").await.starts_with("503"));
    assert!(client.line("HELO client.example").await.starts_with("250 "));
    assert!(client.line("MAIL FROM:<a@x.org> SIZE=1").await.starts_with("555"), "HELO offers nothing");
    assert!(client.line("MAIL FROM:<a@x.org>").await.starts_with("250"));
    assert!(client.line("EHLO client.example").await.starts_with("250-"));
    assert!(client.line("RCPT TO:<a@x.org>").await.starts_with("503"));
}

#[tokio::test]
async fn parameters_are_those_that_were_offered() {
    let script: Script = &[
        ("MAIL FROM:<a@x.org> SIZE=100", "250"),
        ("RSET", "250"),
        ("MAIL FROM:<a@x.org> SIZE=101", "552 5.3.4"),
        ("MAIL FROM:<a@x.org> SIZE=x", "501"),
        ("MAIL FROM:<a@x.org> BODY=8BITMIME", "555"),
        ("MAIL FROM:<a@x.org> SMTPUTF8=1", "555"),
        ("MAIL FROM:<a@x.org> FROB", "555"),
        ("MAIL FROM:<søren@x.org>", "553 5.6.7"),
        ("MAIL FROM:<søren@x.org> SMTPUTF8", "250"),
        ("RSET", "250"),
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<søren@x.org>", "553 5.6.7"),
        ("RCPT TO:<a@x.org> NOTIFY=NEVER", "555"),
        ("RCPT TO:<Postmaster>", "250"),
    ];
    let behavior = Behavior { max_size: 100, ..Behavior::default() }.without(Extension::EightBitMime);
    lockstep(behavior, script).await;
}

#[tokio::test]
async fn recipients_are_accepted_or_refused_one_by_one() {
    let script: Script = &[
        ("MAIL FROM:<a@x.org>", "250"),
        ("RCPT TO:<bad1@x.org>", "550 5.1.1"),
        ("RCPT TO:<later@x.org>", "451 4.2.1"),
        ("RCPT TO:<b@x.org>", "250"),
        ("RCPT TO:<c@x.org>", "250"),
        ("RCPT TO:<d@x.org>", "452 4.5.3"),
        ("DATA", "354 "),
        ("\r\nhello\r\n.", "250 2.0.0"),
        ("MAIL FROM:<a@x.org>", "250"),
        ("RCPT TO:<gone@x.org>", "421"),
    ];
    let behavior = Behavior { max_recipients: 2, ..Behavior::default() };
    let sink = lockstep(behavior.refuse("bad*@*").defer("later@*").disconnect("gone@*"), script).await;
    let mail = sink.next_mail().await;
    assert_eq!(mail.recipients, ["b@x.org", "c@x.org"]);
    assert_eq!(mail.bytes, b"\r\nhello\r\n");
    assert_eq!(mail.defects, [""; 0]);
    let refused: Vec<_> =
        sink.events().into_iter().filter(|event| matches!(event.kind, EventKind::Refused { .. })).collect();
    assert_eq!(refused.len(), 4);
}

const GROUP: &str =
    "MAIL FROM:<a@x.org> BODY=8BITMIME\r\nRCPT TO:<b@x.org>\r\nRCPT TO:<bad@x.org>\r\nDATA\r\n";
const CONTENT: &str = "Subject: dots\r\n\r\n..one\r\nå\r\n.\r\n";

#[tokio::test]
async fn a_flight_in_one_segment_is_answered_line_by_line() {
    let sink = Sink::start(Behavior::default().refuse("bad@*")).await.unwrap();
    let mut client = TestClient::hello(&sink).await;
    client.send(GROUP.as_bytes()).await;
    assert_eq!(codes(&client.replies(4).await), [250, 250, 550, 354]);
    let next = format!("{CONTENT}RSET\r\n{GROUP}");
    client.send(next.as_bytes()).await;
    assert_eq!(codes(&client.replies(6).await), [250, 250, 250, 250, 550, 354]);
    client.send(format!("{CONTENT}QUIT\r\n").as_bytes()).await;
    assert_eq!(codes(&client.replies(2).await), [250, 221]);
    assert_eq!(client.rest().await, "");
    let mails = sink.mails();
    assert_eq!(mails.len(), 2);
    for mail in mails {
        assert_eq!(mail.bytes, "Subject: dots\r\n\r\n.one\r\nå\r\n".as_bytes());
        assert!(mail.defects.is_empty() && mail.body_8bit && mail.answered, "{mail:?}");
    }
}

#[tokio::test]
async fn a_mail_byte_by_byte_is_the_same_mail() {
    let sink = Sink::start(Behavior::default()).await.unwrap();
    let mut client = TestClient::hello(&sink).await;
    client.byte_by_byte("MAIL FROM:<a@x.org> SMTPUTF8\r\nRCPT TO:<søren@x.org>\r\nDATA\r\n".as_bytes()).await;
    assert_eq!(codes(&client.replies(3).await), [250, 250, 354]);
    client.byte_by_byte(b"\r\na\r\n..\r\n.\r\n").await;
    assert_eq!(codes(&client.replies(1).await), [250]);
    let mail = sink.next_mail().await;
    assert_eq!((mail.recipients[0].as_str(), mail.bytes.as_slice()), ("søren@x.org", &b"\r\na\r\n.\r\n"[..]));
}

#[tokio::test]
async fn what_the_client_does_wrong_is_written_down() {
    let sink = Sink::start(Behavior::default().without(Extension::Pipelining)).await.unwrap();
    let mut client = TestClient::hello(&sink).await;
    client.send(b"MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\n").await;
    assert_eq!(codes(&client.replies(2).await), [250, 250]);
    client.line("DATA").await;
    client.send(b"bare\nline\r\n.not doubled\r\n.\r\n").await;
    client.replies(1).await;
    let mail = sink.next_mail().await;
    assert_eq!(mail.defects.len(), 3, "{:?}", mail.defects);
    assert!(client.bytes(b"NOOP\n").await.starts_with("500"));
    assert!(client.bytes(&[&[b'a'; 20_000][..], b"\r\n"].concat()).await.starts_with("500"));
    assert!(client.line("NOOP").await.starts_with("250"), "the stream is still in step");
}

#[tokio::test]
async fn chunks_are_read_whatever_the_answer_is() {
    let sink = Sink::start(Behavior::default().with(Extension::Chunking)).await.unwrap();
    let mut client = TestClient::hello(&sink).await;
    client.send(b"MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nBDAT 5\r\nQUIT.BDAT 4 LAST\r\n.\r\n\n").await;
    assert_eq!(codes(&client.replies(4).await), [250, 250, 250, 250]);
    assert_eq!(sink.next_mail().await.bytes, b"QUIT..\r\n\n");
    client.send(b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n").await;
    assert_eq!(codes(&client.replies(2).await), [503, 250]);
}

#[tokio::test]
async fn too_large_content_is_read_and_refused() {
    let sink = Sink::start(Behavior { max_size: 10, ..Behavior::default() }).await.unwrap();
    let mut client = TestClient::hello(&sink).await;
    client.send(b"MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n").await;
    client.replies(3).await;
    assert!(client.bytes(b"0123456789\r\n.\r\n").await.starts_with("552 5.3.4"));
    assert!(client.line("MAIL FROM:<a@x.org>").await.starts_with("250"));
    assert!(sink.mails().is_empty());
}

/// Sends a whole mail and returns what comes back after the final dot.
async fn one_mail(sink: &Sink) -> String {
    let mut client = TestClient::hello(sink).await;
    client.send(b"MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n").await;
    client.replies(3).await;
    client.send(b"\r\nhello\r\n.\r\n").await;
    client.shut().await;
    client.rest().await
}

#[tokio::test]
async fn the_end_is_as_the_manner_says() {
    let table = [
        (AfterData::Accept, "250 ", 1, true),
        (AfterData::Reply("452 4.3.1 full".to_owned()), "452 4.3.1 full", 0, true),
        (AfterData::Reply("250 2.0.0 id=7".to_owned()), "250 2.0.0 id=7", 1, true),
        (AfterData::Reply("421 4.3.2 bye".to_owned()), "421 4.3.2 bye", 0, true),
        (AfterData::DropKept, "", 1, false),
        (AfterData::DropLost, "", 0, false),
    ];
    for (then, reply, kept, answered) in table {
        let sink = Sink::start(Behavior::default().after_data(then.clone())).await.unwrap();
        let received = one_mail(&sink).await;
        assert!(
            received.starts_with(reply) && received.is_empty() == reply.is_empty(),
            "{then:?}: {received}"
        );
        let mails = sink.mails();
        assert_eq!(mails.len(), kept, "{then:?}");
        assert!(mails.iter().all(|mail| mail.answered == answered), "{then:?}");
    }
}

#[tokio::test]
async fn a_gate_holds_the_reply_until_it_opens() {
    let latch = Latch::new();
    let sink = Sink::start(Behavior::default().wait(Wait::Until(latch.clone()))).await.unwrap();
    let mut client = TestClient::hello(&sink).await;
    client.send(b"MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n").await;
    client.replies(3).await;
    client.send(b"\r\nhello\r\n.\r\n").await;
    sink.wait_until(|events| events.iter().any(|event| matches!(event.kind, EventKind::Content { .. })))
        .await;
    assert!(sink.mails().is_empty());
    latch.release();
    assert_eq!(codes(&client.replies(1).await), [250]);
    assert!(sink.mails()[0].answered);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_reply_is_noticed() {
    let sink = Sink::start(Behavior::default().wait(Wait::Until(Latch::new()))).await.unwrap();
    assert!(one_mail(&sink).await.starts_with("250"), "half closed: it still listens");
    assert!(!sink.next_mail().await.answered);
}

#[tokio::test]
async fn a_manner_can_change_while_a_session_is_open() {
    let sink = Sink::start(Behavior::default()).await.unwrap();
    let mut client = TestClient::hello(&sink).await;
    assert!(client.line("MAIL FROM:<a@x.org>").await.starts_with("250"));
    sink.set_behavior(Behavior::default().reply(Stage::Mail, "451 4.3.0 not now"));
    client.line("RSET").await;
    assert!(client.line("MAIL FROM:<a@x.org>").await.starts_with("451"));
}

#[tokio::test]
async fn a_refusing_greeting_leaves_only_quit() {
    let sink = Sink::start(Behavior::default().reply(Stage::Greeting, "554 no service")).await.unwrap();
    let mut client = TestClient::dial(&sink).await;
    assert_eq!(codes(&client.replies(1).await), [554]);
    assert!(client.line("EHLO c.example").await.starts_with("503"));
    assert!(client.line("QUIT").await.starts_with("221"));
}

#[tokio::test]
async fn dropping_the_sink_ends_its_connections() {
    let sink = Sink::start(Behavior::default()).await.unwrap();
    let mut client = TestClient::hello(&sink).await;
    drop(sink);
    assert_eq!(client.rest().await, "");
}
