//! Every misbehaviour of the sink at every moment: whatever it does, the client tells no lie about who has the mail.

use std::time::Duration;

use smtp_sink::{Act, At, Extension, Gate, Manner, Sink, Wait};
use smtp_submission::{
    Content, Delivery, Envelope, Handover, Limits, Path, Security, Server, Session, Trouble, Verdict, judge,
};
use tokio::task::JoinSet;

/// How long the client waits for a sink that keeps silent.
const SHORT: Duration = Duration::from_secs(2);

fn moments() -> Vec<At> {
    let b = || "b@*".to_owned();
    vec![
        At::Greeting,
        At::Ehlo,
        At::Sender("*".to_owned()),
        At::Recipient(b()),
        At::Recipient("*".to_owned()),
        At::Data,
        At::Content,
        At::EndOfData,
        At::Kept,
        At::Quit,
    ]
}

fn acts() -> Vec<Act> {
    let reply = |text: &str| Act::Reply(text.to_owned());
    vec![
        reply("250 yes"),
        reply("354 go on"),
        reply("421 4.3.2 closing"),
        reply("451 4.3.0 later"),
        reply("452 4.3.1 full"),
        reply("552-5.3.4 no\nnever"),
        Act::Drip { reply: "250 slow".to_owned(), pause: Duration::from_micros(100) },
        Act::Garbage(b"\x00\xff what?\r\n".to_vec()),
        Act::Garbage(b"250-half\r\n550 a reply\r\n".to_vec()),
        Act::Garbage(b"250 two\r\n250 replies\r\n".to_vec()),
        Act::Endless(250),
        Act::Endless(550),
        Act::Stall(Wait::Until(Gate::closed())),
        Act::HangUp,
        Act::Reset,
    ]
}

/// Whether the sink says what it does not do: a yes to a mail that it forgets, a no to one that it keeps. Its word is all
/// that a client has.
fn is_a_lie(at: &At, act: &Act) -> bool {
    let (word, garbage) = match act {
        Act::Reply(text) | Act::Drip { reply: text, .. } => (text.as_bytes(), false),
        Act::Garbage(bytes) => (bytes.as_slice(), true),
        _ => return false,
    };
    match at {
        At::Content => word.starts_with(b"250 "),
        At::EndOfData => word.starts_with(b"250 ") && garbage,
        At::Kept => matches!(word.first(), Some(b'4' | b'5')),
        _ => false,
    }
}

fn server(sink: &Sink) -> Server {
    Server {
        host: "127.0.0.1".to_owned(),
        port: sink.addr().port(),
        security: Security::None,
        credentials: None,
        allow_plaintext_login: false,
        ehlo_name: None,
        limits: Limits { connect: SHORT, command: SHORT, content: SHORT, end_of_data: SHORT },
    }
}

async fn deliver(sink: &Sink) -> Result<Delivery, Trouble> {
    let path = |text| Path::new(text).unwrap();
    let envelope =
        Envelope { sender: Some(path("s@x.org")), recipients: vec![path("a@x.org"), path("b@x.org")] };
    let content = Content { pieces: vec!["Subject: hi\r\n\r\nhello\r\n".into()], smtputf8: false };
    let mut session = Session::open(&server(sink)).await?;
    let delivery = session.deliver(&envelope, &content, &Handover::new()).await;
    session.quit().await;
    Ok(delivery)
}

/// Holds what the client was told against what the sink has.
fn judged(sink: &Sink, delivery: &Delivery) -> Result<(), String> {
    for (who, end) in ["a@x.org", "b@x.org"].iter().zip(&delivery.recipients) {
        let mails = sink.mails();
        let kept = mails.iter().filter(|mail| mail.recipients.iter().any(|kept| kept == who)).count();
        let verdict = end
            .as_ref()
            .map_or_else(|trouble| judge(trouble.phase, &trouble.cause, true).verdict, |_| Verdict::Accepted);
        let honest = match verdict {
            Verdict::Accepted => kept == 1,
            Verdict::Unknown => kept <= 1,
            _ => kept == 0,
        };
        if !honest {
            return Err(format!("{who} has {kept} mails and was told {end:?}"));
        }
    }
    Ok(())
}

async fn play(at: At, act: Act, pipelining: bool) -> Result<(), String> {
    let what = format!("{at:?} {act:?}, pipelining {pipelining}");
    let mut manner = Manner::default().rule(at, act);
    if !pipelining {
        manner = manner.without(Extension::Pipelining);
    }
    let sink = Sink::start(manner).await.map_err(|e| e.to_string())?;
    match deliver(&sink).await {
        Ok(delivery) => judged(&sink, &delivery).map_err(|words| format!("{what}: {words}")),
        Err(_) if sink.mails().is_empty() => Ok(()),
        Err(trouble) => Err(format!("{what}: a mail, and {trouble}")),
    }
}

#[tokio::test]
async fn the_client_never_lies_about_who_has_the_mail() {
    let mut playing = JoinSet::new();
    for at in moments() {
        for act in acts() {
            if is_a_lie(&at, &act) {
                continue;
            }
            for pipelining in [true, false] {
                playing.spawn(play(at.clone(), act.clone(), pipelining));
            }
        }
    }
    let lies: Vec<String> = playing.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(lies.is_empty(), "{}", lies.join("\n"));
}
