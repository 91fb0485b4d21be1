//! Every misbehavior of the sink, at every stage.

use std::io::ErrorKind;
use std::time::Duration;

use crate::client::{TestClient, codes};
use smtp_sink::{Action, Behavior, EventKind, Latch, Rule, Sink, Stage, Wait};

const GROUP: &str = "EHLO c.example\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n";

/// A stage, what the client sends up to it, and the code of the default reply there.
fn stages() -> Vec<(Stage, String, u16)> {
    let up_to = |lines: usize| GROUP.split_inclusive('\n').take(lines).collect::<String>();
    let behind = |line: &str| format!("{}{line}\r\n", up_to(1));
    let mail = format!("{GROUP}\r\nhello\r\n.\r\n");
    vec![
        (Stage::Greeting, String::new(), 220),
        (Stage::Ehlo, up_to(1), 250),
        (Stage::Helo, "HELO c.example\r\n".to_owned(), 250),
        (Stage::Mail, up_to(2), 250),
        (Stage::Rcpt, up_to(3), 250),
        (Stage::Data, up_to(4), 354),
        (Stage::Content, mail.clone(), 250),
        (Stage::EndOfData, mail.clone(), 250),
        (Stage::Kept, mail, 250),
        (Stage::Rset, behind("RSET"), 250),
        (Stage::Noop, behind("NOOP"), 250),
        (Stage::Quit, behind("QUIT"), 221),
    ]
}

/// A sink with one rule, and a client that has sent everything up to it.
async fn met(at: &Stage, action: Action, said: &str) -> (Sink, TestClient) {
    let sink = Sink::start(Behavior::default().rule(*at, action)).await.unwrap();
    let mut client = TestClient::dial(&sink).await;
    client.send(said.as_bytes()).await;
    (sink, client)
}

/// The number of replies before the one at the stage.
fn before(at: &Stage, said: &str) -> usize {
    let lines = said.lines().take(4).count();
    match at {
        Stage::Greeting => 0,
        Stage::Content | Stage::EndOfData | Stage::Kept => 5,
        _ => lines,
    }
}

#[tokio::test]
async fn a_421_and_the_end() {
    for (at, said, _) in stages() {
        let (_sink, mut client) = met(&at, Action::Reply("421 4.3.2 told".to_owned()), &said).await;
        let received = client.rest().await;
        assert!(received.ends_with("421 4.3.2 told\r\n"), "{at:?}: {received}");
    }
}

#[tokio::test]
async fn a_refusal_and_on() {
    for (at, said, _) in stages() {
        let (sink, mut client) = met(&at, Action::Reply("550-5.0.0 no\nnever".to_owned()), &said).await;
        let replies = client.replies(before(&at, &said) + 1).await;
        assert_eq!(replies.last().unwrap(), "550-5.0.0 no\r\n550 never\r\n", "{at:?}");
        assert_eq!(sink.mails().len(), usize::from(at == Stage::Kept), "{at:?}");
    }
}

#[tokio::test]
async fn no_word_and_the_end() {
    for (at, said, _) in stages() {
        let (sink, mut client) = met(&at, Action::HangUp, &said).await;
        let received = client.rest().await;
        assert_eq!(whole(&received), before(&at, &said), "{at:?}: {received}");
        assert_eq!(sink.mails().len(), usize::from(at == Stage::Kept), "{at:?}");
    }
}

/// The number of complete replies.
fn whole(received: &str) -> usize {
    received.lines().filter(|line| line.get(3..4) == Some(" ")).count()
}

#[tokio::test]
async fn a_reset() {
    for (at, said, _) in stages() {
        let (sink, mut client) = met(&at, Action::Reset, &said).await;
        assert_eq!(client.end().await, Some(ErrorKind::ConnectionReset), "{at:?}");
        assert_eq!(sink.mails().len(), usize::from(at == Stage::Kept), "{at:?}");
    }
}

#[tokio::test]
async fn garbage() {
    for (at, said, _) in stages() {
        let (_sink, mut client) = met(&at, Action::Garbage(b"so \x07 what\r\n".to_vec()), &said).await;
        client.shut().await;
        let received = client.rest().await;
        assert!(received.contains("so \u{7} what\r\n"), "{at:?}: {received}");
    }
}

#[tokio::test]
async fn a_reply_without_end() {
    for (at, said, _) in stages() {
        let (sink, mut client) = met(&at, Action::Endless(250), &said).await;
        let received = client.at_least(1_000_000).await;
        assert!(
            received.ends_with("250-and so on\r\n") || received.contains("250-and so on\r\n250-"),
            "{at:?}"
        );
        drop(client);
        sink.wait_until(|events| events.iter().any(|event| event.kind == EventKind::Closed)).await;
    }
}

#[tokio::test]
async fn silence_and_then_the_default_reply() {
    for (at, said, code) in stages() {
        let latch = Latch::new();
        let (_sink, mut client) = met(&at, Action::Stall(Wait::Until(latch.clone())), &said).await;
        let before = before(&at, &said);
        if before > 0 {
            client.replies(before).await;
        }
        latch.release();
        assert_eq!(codes(&client.replies(1).await), [code], "{at:?}");
    }
}

#[tokio::test]
async fn silence_until_the_client_leaves() {
    for (at, said, _) in stages() {
        let (sink, mut client) = met(&at, Action::Stall(Wait::Until(Latch::new())), &said).await;
        client.shut().await;
        let received = client.rest().await;
        assert_eq!(whole(&received), before(&at, &said), "{at:?}: {received}");
        assert_eq!(sink.mails().len(), usize::from(at == Stage::Kept), "{at:?}");
        assert!(sink.mails().iter().all(|mail| !mail.answered));
    }
}

#[tokio::test]
async fn byte_by_byte_and_the_command_carried_out() {
    let drip = |reply: &str| Action::Drip { reply: reply.to_owned(), pause: Duration::from_micros(100) };
    let behavior = Behavior::default()
        .rule(Stage::Greeting, drip("220 slow"))
        .rule(Stage::Ehlo, drip("250 slow"))
        .rule(Stage::Mail, drip("250 slow"))
        .with_rule(Rule::new(Stage::Rcpt, drip("251 slow")).matching("b@*"))
        .with_rule(Rule::new(Stage::Rcpt, drip("550 slow")).matching("c@*"))
        .rule(Stage::Data, drip("354-slow\ngo"))
        .rule(Stage::EndOfData, drip("250 slow"))
        .rule(Stage::Quit, drip("221 slow"));
    let sink = Sink::start(behavior).await.unwrap();
    let mut client = TestClient::dial(&sink).await;
    client.send(GROUP.replace("DATA", "RCPT TO:<c@x.org>\r\nDATA").as_bytes()).await;
    assert_eq!(codes(&client.replies(6).await), [220, 250, 250, 251, 550, 354]);
    client.send(b"\r\nhello\r\n.\r\nQUIT\r\n").await;
    assert_eq!(client.rest().await, "250 slow\r\n221 slow\r\n");
    assert_eq!(sink.mails()[0].recipients, ["b@x.org"]);
}

#[tokio::test]
async fn every_reply_byte_by_byte() {
    let sink = Sink::start(Behavior::default().drip(Duration::from_micros(10))).await.unwrap();
    let mut client = TestClient::dial(&sink).await;
    client.send(format!("{GROUP}\r\nhello\r\n.\r\nQUIT\r\n").as_bytes()).await;
    assert_eq!(codes(&client.replies(7).await), [220, 250, 250, 250, 354, 250, 221]);
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn the_nth_time_only() {
    let rule =
        |nth, reply: &str| Rule::new(Stage::Rcpt, Action::Reply(reply.to_owned())).matching("b*").only(nth);
    let behavior = Behavior::default().with_rule(rule(2, "450 second")).with_rule(rule(4, "451 fourth"));
    let sink = Sink::start(behavior).await.unwrap();
    for codes in [["250 ", "450 "], ["250 ", "451 "], ["250 ", "250 "]] {
        let mut client = TestClient::hello(&sink).await;
        assert!(client.line("MAIL FROM:<a@x.org>").await.starts_with("250"));
        assert!(client.line("RCPT TO:<other@x.org>").await.starts_with("250"));
        for code in codes {
            let reply = client.line("RCPT TO:<b@x.org>").await;
            assert!(reply.starts_with(code), "{reply} instead of {code}");
        }
    }
}

#[tokio::test]
async fn a_354_although_nobody_was_accepted() {
    for refused in [Stage::Mail, Stage::Rcpt] {
        let behavior = Behavior::default().reply(refused, "550 no").reply(Stage::Data, "354 go on, then");
        let sink = Sink::start(behavior).await.unwrap();
        let mut client = TestClient::hello(&sink).await;
        client.send(b"MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n").await;
        assert_eq!(codes(&client.replies(3).await)[2], 354);
        assert!(client.line(".").await.starts_with('5'));
        assert!(client.line("RSET").await.starts_with("250"));
        assert!(sink.mails().is_empty());
    }
}
