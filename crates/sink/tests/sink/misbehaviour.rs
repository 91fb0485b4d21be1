//! Everything the sink can be told to do wrong, at every moment.

use std::io::ErrorKind;
use std::time::Duration;

use crate::talk::{Talk, codes};
use smtp_sink::{Act, At, Gate, Manner, Sink, Wait, What};

const FLIGHT: &str = "EHLO c.example\r\nMAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n";

/// A moment, what the client says up to it, and the code of the duty there.
fn moments() -> Vec<(At, String, u16)> {
    let any = || "*".to_owned();
    let up_to = |lines: usize| FLIGHT.split_inclusive('\n').take(lines).collect::<String>();
    let behind = |line: &str| format!("{}{line}\r\n", up_to(1));
    let mail = format!("{FLIGHT}\r\nhello\r\n.\r\n");
    vec![
        (At::Greeting, String::new(), 220),
        (At::Ehlo, up_to(1), 250),
        (At::Helo, "HELO c.example\r\n".to_owned(), 250),
        (At::Sender(any()), up_to(2), 250),
        (At::Recipient(any()), up_to(3), 250),
        (At::Data, up_to(4), 354),
        (At::Content, mail.clone(), 250),
        (At::EndOfData, mail.clone(), 250),
        (At::Kept, mail, 250),
        (At::Rset, behind("RSET"), 250),
        (At::Noop, behind("NOOP"), 250),
        (At::Quit, behind("QUIT"), 221),
    ]
}

/// A sink with one rule, and a client who has said everything up to it.
async fn met(at: &At, act: Act, said: &str) -> (Sink, Talk) {
    let sink = Sink::start(Manner::default().rule(at.clone(), act)).await.unwrap();
    let mut talk = Talk::dial(&sink).await;
    talk.send(said.as_bytes()).await;
    (sink, talk)
}

/// How many replies are due before the one at the moment.
fn before(at: &At, said: &str) -> usize {
    let lines = said.lines().take(4).count();
    match at {
        At::Greeting => 0,
        At::Content | At::EndOfData | At::Kept => 5,
        _ => lines,
    }
}

#[tokio::test]
async fn a_421_and_the_end() {
    for (at, said, _) in moments() {
        let (_sink, mut talk) = met(&at, Act::Reply("421 4.3.2 told".to_owned()), &said).await;
        let heard = talk.rest().await;
        assert!(heard.ends_with("421 4.3.2 told\r\n"), "{at:?}: {heard}");
    }
}

#[tokio::test]
async fn a_refusal_and_on() {
    for (at, said, _) in moments() {
        let (sink, mut talk) = met(&at, Act::Reply("550-5.0.0 no\nnever".to_owned()), &said).await;
        let replies = talk.replies(before(&at, &said) + 1).await;
        assert_eq!(replies.last().unwrap(), "550-5.0.0 no\r\n550 never\r\n", "{at:?}");
        assert_eq!(sink.mails().len(), usize::from(at == At::Kept), "{at:?}");
    }
}

#[tokio::test]
async fn no_word_and_the_end() {
    for (at, said, _) in moments() {
        let (sink, mut talk) = met(&at, Act::HangUp, &said).await;
        let heard = talk.rest().await;
        assert_eq!(whole(&heard), before(&at, &said), "{at:?}: {heard}");
        assert_eq!(sink.mails().len(), usize::from(at == At::Kept), "{at:?}");
    }
}

/// How many replies were heard to their end.
fn whole(heard: &str) -> usize {
    heard.lines().filter(|line| line.get(3..4) == Some(" ")).count()
}

#[tokio::test]
async fn a_reset() {
    for (at, said, _) in moments() {
        let (sink, mut talk) = met(&at, Act::Reset, &said).await;
        assert_eq!(talk.end().await, Some(ErrorKind::ConnectionReset), "{at:?}");
        assert_eq!(sink.mails().len(), usize::from(at == At::Kept), "{at:?}");
    }
}

#[tokio::test]
async fn garbage() {
    for (at, said, _) in moments() {
        let (_sink, mut talk) = met(&at, Act::Garbage(b"so \x07 what\r\n".to_vec()), &said).await;
        talk.shut().await;
        let heard = talk.rest().await;
        assert!(heard.contains("so \u{7} what\r\n"), "{at:?}: {heard}");
    }
}

#[tokio::test]
async fn a_reply_without_end() {
    for (at, said, _) in moments() {
        let (sink, mut talk) = met(&at, Act::Endless(250), &said).await;
        let heard = talk.at_least(1_000_000).await;
        assert!(heard.ends_with("250-and so on\r\n") || heard.contains("250-and so on\r\n250-"), "{at:?}");
        drop(talk);
        sink.wait_until(|events| events.iter().any(|event| event.what == What::Closed)).await;
    }
}

#[tokio::test]
async fn silence_and_then_the_duty() {
    for (at, said, code) in moments() {
        let gate = Gate::closed();
        let (_sink, mut talk) = met(&at, Act::Stall(Wait::Until(gate.clone())), &said).await;
        let before = before(&at, &said);
        if before > 0 {
            talk.replies(before).await;
        }
        gate.open();
        assert_eq!(codes(&talk.replies(1).await), [code], "{at:?}");
    }
}

#[tokio::test]
async fn silence_until_the_client_leaves() {
    for (at, said, _) in moments() {
        let (sink, mut talk) = met(&at, Act::Stall(Wait::Until(Gate::closed())), &said).await;
        talk.shut().await;
        let heard = talk.rest().await;
        assert_eq!(whole(&heard), before(&at, &said), "{at:?}: {heard}");
        assert_eq!(sink.mails().len(), usize::from(at == At::Kept), "{at:?}");
        assert!(sink.mails().iter().all(|mail| !mail.answered));
    }
}

#[tokio::test]
async fn byte_by_byte_and_the_duty_done() {
    let drip = |reply: &str| Act::Drip { reply: reply.to_owned(), pause: Duration::from_micros(100) };
    let manner = Manner::default()
        .rule(At::Greeting, drip("220 slow"))
        .rule(At::Ehlo, drip("250 slow"))
        .rule(At::Sender("*".to_owned()), drip("250 slow"))
        .rule(At::Recipient("b@*".to_owned()), drip("251 slow"))
        .rule(At::Recipient("c@*".to_owned()), drip("550 slow"))
        .rule(At::Data, drip("354-slow\ngo"))
        .rule(At::EndOfData, drip("250 slow"))
        .rule(At::Quit, drip("221 slow"));
    let sink = Sink::start(manner).await.unwrap();
    let mut talk = Talk::dial(&sink).await;
    talk.send(FLIGHT.replace("DATA", "RCPT TO:<c@x.org>\r\nDATA").as_bytes()).await;
    assert_eq!(codes(&talk.replies(6).await), [220, 250, 250, 251, 550, 354]);
    talk.send(b"\r\nhello\r\n.\r\nQUIT\r\n").await;
    assert_eq!(talk.rest().await, "250 slow\r\n221 slow\r\n");
    assert_eq!(sink.mails()[0].recipients, ["b@x.org"]);
}

#[tokio::test]
async fn every_reply_byte_by_byte() {
    let sink = Sink::start(Manner::default().drip(Duration::from_micros(10))).await.unwrap();
    let mut talk = Talk::dial(&sink).await;
    talk.send(format!("{FLIGHT}\r\nhello\r\n.\r\nQUIT\r\n").as_bytes()).await;
    assert_eq!(codes(&talk.replies(7).await), [220, 250, 250, 250, 354, 250, 221]);
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn the_nth_time_only() {
    let any = || At::Recipient("b*".to_owned());
    let manner = Manner::default().nth(2, any(), Act::Reply("450 second".to_owned())).nth(
        4,
        any(),
        Act::Reply("451 fourth".to_owned()),
    );
    let sink = Sink::start(manner).await.unwrap();
    for codes in [["250 ", "450 "], ["250 ", "451 "], ["250 ", "250 "]] {
        let mut talk = Talk::hello(&sink).await;
        assert!(talk.line("MAIL FROM:<a@x.org>").await.starts_with("250"));
        assert!(talk.line("RCPT TO:<other@x.org>").await.starts_with("250"));
        for code in codes {
            let reply = talk.line("RCPT TO:<b@x.org>").await;
            assert!(reply.starts_with(code), "{reply} instead of {code}");
        }
    }
}

#[tokio::test]
async fn a_354_although_nobody_was_accepted() {
    for refused in [At::Sender("*".to_owned()), At::Recipient("*".to_owned())] {
        let manner = Manner::default().reply(refused, "550 no").reply(At::Data, "354 go on, then");
        let sink = Sink::start(manner).await.unwrap();
        let mut talk = Talk::hello(&sink).await;
        talk.send(b"MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n").await;
        assert_eq!(codes(&talk.replies(3).await)[2], 354);
        assert!(talk.line(".").await.starts_with('5'));
        assert!(talk.line("RSET").await.starts_with("250"));
        assert!(sink.mails().is_empty());
    }
}
