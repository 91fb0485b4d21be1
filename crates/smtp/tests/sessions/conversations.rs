//! Whole conversations in plaintext: the commands on the wire, and each recipient's result.

use std::time::Duration;

use crate::peer::Peer;
use smtp_submission::{
    CommitPoint, Content, Delivery, Envelope, Error, ErrorKind, Mail, Path, Phase, Session,
};

const MESSAGE: &str = "Subject: hi\r\n\r\n.dot\r\nbye\r\n";

fn envelope(recipients: &[&str]) -> Envelope {
    let path = |text: &&str| Path::new(text).unwrap();
    Envelope { sender: Some(path(&"s@x.org")), recipients: recipients.iter().map(path).collect() }
}

fn content(text: &'static str) -> Content {
    Content { chunks: vec![text.into()], smtputf8: false }
}

fn ends(delivery: &Delivery) -> Vec<String> {
    let short = |end: &Result<_, Error>| match end {
        Ok(reply) => format!("{reply}"),
        Err(error) => format!("{}: {}", error.phase(), error.kind()),
    };
    delivery.recipients.iter().map(short).collect()
}

/// Delivers one message to `recipients` over one session, and lets the peer come to its end.
async fn deliver(script: &str, recipients: &[&str], text: &'static str) -> (Delivery, bool, CommitPoint) {
    let peer = Peer::play(&[script]).await;
    let mut session = Session::open(&peer.server()).await.unwrap();
    let commit_point = CommitPoint::new();
    let delivery = session.send(&Mail::new(envelope(recipients), content(text), commit_point.clone())).await;
    let usable = session.is_usable();
    session.quit().await;
    peer.finish().await;
    (delivery, usable, commit_point)
}

#[tokio::test]
async fn one_flight_where_pipelining_is_offered() {
    let (delivery, usable, commit_point) = deliver(
        "S: 220 mx ready
         C: EHLO [127.0.0.1]
         S: 250-mx
         S: 250-PIPELINING
         S: 250 SIZE 1000
         C: MAIL FROM:<s@x.org> SIZE=26
         C: RCPT TO:<a@x.org>
         C: RCPT TO:<b@x.org>
         C: DATA
         S: 250 2.1.0 ok
         S: 250 2.1.5 ok
         S: 550 5.1.1 no such user
         S: 354 go on
         C: Subject: hi
         C:
         C: ..dot
         C: bye
         C: .
         S: 250 2.0.0 queued as 7
         C: QUIT
         S: 221 bye
         = eof",
        &["a@x.org", "b@x.org"],
        MESSAGE,
    )
    .await;
    assert_eq!(
        ends(&delivery),
        ["250 2.0.0 queued as 7", "RCPT TO: the server answered 550 5.1.1 no such user"]
    );
    assert!(usable && commit_point.is_committed());
}

const HELLO: &str = "S: 220 mx
    C: EHLO *
    S+ 250-mx
    S: 250 PIPELINING
    C: MAIL FROM:<s@x.org>
    C: RCPT TO:<a@x.org>
    C: RCPT TO:<b@x.org>
    C: DATA\n";

/// The replies to the group, and both results; whether the session is usable; whether the delivery is committed and stays so.
#[expect(clippy::too_many_lines, reason = "a table")]
#[tokio::test]
async fn ends_of_a_transaction() {
    let content = "C: x\nC: .\n";
    let quit = "C: QUIT\nS: 221 bye";
    let taken = "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\n";
    let half = "S: 250 ok\nS: 550 no\nS: 250 ok\nS: 354 go\n";
    let closed = "the server closed the connection";
    for (script, first, second, usable, out) in [
        (
            format!("{half}{content}S: 452 full\n{quit}"),
            "RCPT TO: the server answered 550 no",
            "end of data: the server answered 452 full",
            true,
            false,
        ),
        (
            format!("{taken}{content}S: 554 spam\n{quit}"),
            "end of data: the server answered 554 spam",
            "end of data: the server answered 554 spam",
            true,
            false,
        ),
        (
            format!("{half}{content}S: 421 bye\n= eof"),
            "RCPT TO: the server answered 550 no",
            "end of data: the server answered 421 bye",
            false,
            false,
        ),
        (
            format!("{half}{content}= close"),
            "RCPT TO: the server answered 550 no",
            &format!("end of data: {closed}"),
            false,
            true,
        ),
        (
            format!("{taken}{content}S: what\n= eof"),
            "end of data: the server's answer was not SMTP: \"what\"",
            "end of data: the server's answer was not SMTP: \"what\"",
            false,
            true,
        ),
        (
            "S: 250 ok\nS: 550 no\nS: 421 bye\n= eof".to_owned(),
            "RCPT TO: the server answered 550 no",
            "RCPT TO: the server answered 421 bye",
            false,
            false,
        ),
        (
            "S: 250 ok\nS: 550 no\n= close".to_owned(),
            "RCPT TO: the server answered 550 no",
            &format!("RCPT TO: {closed}"),
            false,
            false,
        ),
        (
            format!("S: 250 ok\nS: 550 a\nS: 450 b\nS: 354 go\nC: .\nS: 554 none\n{quit}"),
            "RCPT TO: the server answered 550 a",
            "RCPT TO: the server answered 450 b",
            true,
            false,
        ),
        (
            format!("S: 250 ok\nS: 550 a\nS: 450 b\nS: 503 no\n{quit}"),
            "RCPT TO: the server answered 550 a",
            "RCPT TO: the server answered 450 b",
            true,
            false,
        ),
        (
            format!("S: 550 who\nS: 503 a\nS: 503 b\nS: 503 c\n{quit}"),
            "MAIL FROM: the server answered 550 who",
            "MAIL FROM: the server answered 550 who",
            true,
            false,
        ),
        (
            "S: 550 who\nS: 250 a\nS: 503 b\nS: 354 go\n= eof".to_owned(),
            "MAIL FROM: the server answered 550 who",
            "MAIL FROM: the server answered 550 who",
            false,
            false,
        ),
    ] {
        let (delivery, is_usable, commit_point) =
            deliver(&format!("{HELLO}{script}"), &["a@x.org", "b@x.org"], "x\r\n").await;
        assert_eq!(ends(&delivery), [first, second], "{script}");
        assert_eq!((is_usable, commit_point.is_committed()), (usable, out), "{script}");
    }
}

#[tokio::test]
async fn the_reply_to_the_end_has_a_limit_of_its_own() {
    let script =
        format!("{HELLO}S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: x\nC: .\n= latch\nS: 250 late\n= eof");
    for (command, end_of_data, words) in
        [(100, 5000, "250 late"), (5000, 100, "end of data: no answer within 0.1 s")]
    {
        let peer = Peer::play(&[&script]).await;
        let mut server = peer.server();
        server.limits.command = Duration::from_millis(command);
        server.limits.end_of_data = Duration::from_millis(end_of_data);
        let mut session = Session::open(&server).await.unwrap();
        let latch = std::sync::Arc::clone(&peer.latch);
        let opening = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            latch.notify_one();
        });
        let delivery = session
            .send(&Mail::new(envelope(&["a@x.org", "b@x.org"]), content("x\r\n"), CommitPoint::new()))
            .await;
        assert_eq!(ends(&delivery)[0], words);
        opening.await.unwrap();
        drop(session);
    }
}

#[tokio::test]
async fn a_stopped_delivery_never_sends_its_end() {
    let script = format!("{HELLO}S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\n= eof");
    let peer = Peer::play(&[&script]).await;
    let mut session = Session::open(&peer.server()).await.unwrap();
    let commit_point = CommitPoint::new();
    assert!(commit_point.cancel());
    let two_lines = content("x\r\n\r\n");
    let delivery = session
        .send(&Mail::new(envelope(&["a@x.org", "b@x.org"]), two_lines.clone(), commit_point.clone()))
        .await;
    assert_eq!(delivery.recipients[1], Err(Error::new(Phase::Data, ErrorKind::Cancelled)));
    assert!(!session.is_usable() && !commit_point.is_committed());
    drop(session);
    peer.finish().await;
}

#[tokio::test]
async fn a_421_in_mid_stream_is_read_before_the_end_is_sent() {
    let script = format!("{HELLO}S: 250 ok\nS: 250 ok\nS: 250 ok\nS+ 354 go\nS: 421 shutting down\n= close");
    let peer = Peer::play(&[&script]).await;
    let mut session = Session::open(&peer.server()).await.unwrap();
    let commit_point = CommitPoint::new();
    let delivery = session
        .send(&Mail::new(envelope(&["a@x.org", "b@x.org"]), content("x\r\n"), commit_point.clone()))
        .await;
    let words = "DATA: the server answered 421 shutting down";
    assert_eq!(ends(&delivery), [words, words]);
    assert!(!commit_point.is_committed() && !session.is_usable());
    peer.finish().await;
}

#[tokio::test]
async fn a_long_upload_that_is_cut_tells_the_servers_last_words() {
    let script =
        format!("{HELLO}S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: xxxx*\nS: 552 too much\n= close");
    let peer = Peer::play(&[&script.replace("S: 552", "= drain\nS: 552")]).await;
    let mut session = Session::open(&peer.server()).await.unwrap();
    let commit_point = CommitPoint::new();
    let line = bytes::Bytes::from(format!("{}\r\n", "x".repeat(998)));
    let large = Content { chunks: vec![line; 20_000], smtputf8: false };
    let delivery = session
        .send(&Mail::new(envelope(&["a@x.org", "b@x.org"]), large.clone(), commit_point.clone()))
        .await;
    let Err(error) = &delivery.recipients[0] else { panic!("it was taken") };
    assert_eq!(error.phase(), Phase::Data);
    assert!(!commit_point.is_committed() && !session.is_usable());
    drop(session);
    peer.finish().await;
}

#[tokio::test]
async fn what_the_server_cannot_take_never_touches_the_session() {
    let script = "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 SIZE 10\nC: QUIT\nS: 221 bye";
    let peer = Peer::play(&[script]).await;
    let mut session = Session::open(&peer.server()).await.unwrap();
    for (text, recipient, kind) in [
        ("a bit too long\r\n", "a@x.org", ErrorKind::TooLarge { size: 16, limit: 10 }),
        ("ü\r\n", "a@x.org", ErrorKind::Needs8BitMime),
        ("x\r\n", "ü@x.org", ErrorKind::NeedsSmtpUtf8),
        ("x\n", "a@x.org", ErrorKind::LineEnds),
    ] {
        let delivery =
            session.send(&Mail::new(envelope(&[recipient]), content(text), CommitPoint::new())).await;
        assert_eq!(delivery.recipients, [Err(Error::new(Phase::Mail, kind))]);
        assert!(session.is_usable() && session.looks_alive());
    }
    session.quit().await;
    peer.finish().await;
}

#[tokio::test]
async fn after_a_refusal_comes_a_reset() {
    let script = format!(
        "{HELLO}S: 250 ok\nS: 550 a\nS: 550 b\nS: 503 no
         C: RSET
         C: MAIL FROM:<s@x.org>
         C: RCPT TO:<c@x.org>
         C: DATA
         S: 250 reset
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: x
         C: .
         S: 250 ok
         C: MAIL FROM:<s@x.org>
         C: RCPT TO:<d@x.org>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: x
         C: .
         S: 250 ok
         C: QUIT
         S: 221 bye"
    );
    let peer = Peer::play(&[&script]).await;
    let mut session = Session::open(&peer.server()).await.unwrap();
    let text = content("x\r\n");
    for (recipients, taken) in
        [(&["a@x.org", "b@x.org"][..], false), (&["c@x.org"], true), (&["d@x.org"], true)]
    {
        let delivery = session.send(&Mail::new(envelope(recipients), text.clone(), CommitPoint::new())).await;
        assert_eq!(delivery.recipients.iter().all(Result::is_ok), taken);
    }
    session.quit().await;
    peer.finish().await;
}

#[tokio::test]
async fn who_was_one_too_many_comes_in_the_next_transaction() {
    let mail = |recipients: &str, replies: &str| {
        format!("C: MAIL FROM:<s@x.org>\n{recipients}C: DATA\nS: 250 ok\n{replies}S: 354 go\nC: x\nC: .\n")
    };
    let group = |names: &[&str]| -> String {
        names.iter().map(|name| format!("C: RCPT TO:<{name}@x.org>\n")).collect()
    };
    let script = format!(
        "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 PIPELINING\n{}S: 250 one\n{}S: 250 two\n{}S: 450 not now\nC: QUIT",
        mail(&group(&["a", "b", "c", "d"]), "S: 250 ok\nS: 452 too many\nS: 550 no\nS: 452 too many\n"),
        mail(&group(&["b", "d"]), "S: 250 ok\nS: 452 too many\n"),
        mail(&group(&["d"]), "S: 250 ok\n"),
    );
    let (delivery, usable, commit_point) =
        deliver(&script, &["a@x.org", "b@x.org", "c@x.org", "d@x.org"], "x\r\n").await;
    assert_eq!(
        ends(&delivery),
        [
            "250 one",
            "250 two",
            "RCPT TO: the server answered 550 no",
            "end of data: the server answered 450 not now"
        ]
    );
    assert!(usable);
    // The last refusal does not reset the commit point: others have the message.
    assert!(!commit_point.cancel());
}

#[tokio::test]
async fn a_server_that_takes_nobody_is_not_asked_again() {
    let script = format!("{HELLO}S: 250 ok\nS: 452 full\nS: 452 full\nS: 503 no\nC: QUIT");
    let (delivery, ..) = deliver(&script, &["a@x.org", "b@x.org"], "x\r\n").await;
    let words = "RCPT TO: the server answered 452 full";
    assert_eq!(ends(&delivery), [words, words]);
}
