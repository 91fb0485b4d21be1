//! Every misbehavior of the sink at every stage: whatever it does, the client's results about who has the mail are true.

use std::time::Duration;

use smtp_sink::{Action, Behavior, Extension, Latch, Rule, Sink, Stage, Wait};
use smtp_submission::{
    CommitPoint, Content, Delivery, Envelope, Error, Limits, Mail, Path, RecipientStatus, Security,
    ServerParams, Session,
};
use tokio::task::JoinSet;

/// How long the client waits for a silent sink.
const SHORT: Duration = Duration::from_secs(2);

/// Where the rule applies, and for which recipients.
fn stages() -> Vec<(Stage, &'static str)> {
    vec![
        (Stage::Greeting, "*"),
        (Stage::Ehlo, "*"),
        (Stage::Mail, "*"),
        (Stage::Rcpt, "b@*"),
        (Stage::Rcpt, "*"),
        (Stage::Data, "*"),
        (Stage::Content, "*"),
        (Stage::EndOfData, "*"),
        (Stage::Kept, "*"),
        (Stage::Quit, "*"),
    ]
}

fn actions() -> Vec<Action> {
    let reply = |text: &str| Action::Reply(text.to_owned());
    vec![
        reply("250 yes"),
        reply("354 go on"),
        reply("421 4.3.2 closing"),
        reply("451 4.3.0 later"),
        reply("452 4.3.1 full"),
        reply("552-5.3.4 no\nnever"),
        Action::Drip { reply: "250 slow".to_owned(), pause: Duration::from_micros(100) },
        Action::Garbage(b"\x00\xff what?\r\n".to_vec()),
        Action::Garbage(b"250-half\r\n550 a reply\r\n".to_vec()),
        Action::Garbage(b"250 two\r\n250 replies\r\n".to_vec()),
        Action::Endless(250),
        Action::Endless(550),
        Action::Stall(Wait::Until(Latch::new())),
        Action::HangUp,
        Action::Reset,
    ]
}

/// Whether the sink lies: it accepts a mail that it discards, or refuses one that it keeps. Its reply is all
/// that a client has.
fn is_a_lie(stage: Stage, action: &Action) -> bool {
    let (word, garbage) = match action {
        Action::Reply(text) | Action::Drip { reply: text, .. } => (text.as_bytes(), false),
        Action::Garbage(bytes) => (bytes.as_slice(), true),
        _ => return false,
    };
    match stage {
        Stage::Content => word.starts_with(b"250 "),
        Stage::EndOfData => word.starts_with(b"250 ") && garbage,
        Stage::Kept => matches!(word.first(), Some(b'4' | b'5')),
        _ => false,
    }
}

fn server(sink: &Sink) -> ServerParams {
    ServerParams {
        host: "127.0.0.1".to_owned(),
        port: sink.addr().port(),
        security: Security::None,
        credentials: None,
        allow_plaintext_login: false,
        ehlo_name: None,
        pipelining: true,
        chunking: true,
        limits: Limits { connect: SHORT, command: SHORT, content: SHORT, end_of_data: SHORT },
    }
}

async fn deliver(sink: &Sink) -> Result<Delivery, Error> {
    let path = |text| Path::new(text).unwrap();
    let envelope =
        Envelope { sender: Some(path("s@x.org")), recipients: vec![path("a@x.org"), path("b@x.org")] };
    let content = Content { chunks: vec!["Subject: hi\r\n\r\nhello\r\n".into()], smtputf8: false };
    let mut session = Session::open(&server(sink)).await?;
    let delivery = session.send(&Mail::new(envelope.clone(), content.clone(), CommitPoint::new())).await;
    session.quit().await;
    Ok(delivery)
}

/// Compares the client's results with what the sink has.
fn compare(sink: &Sink, delivery: &Delivery) -> Result<(), String> {
    for (who, end) in ["a@x.org", "b@x.org"].iter().zip(&delivery.recipients) {
        let mails = sink.mails();
        let kept = mails.iter().filter(|mail| mail.recipients.iter().any(|kept| kept == who)).count();
        let status = end.as_ref().map_or_else(|error| error.classify().status, |_| RecipientStatus::Accepted);
        let matches = match status {
            RecipientStatus::Accepted => kept == 1,
            RecipientStatus::Unknown => kept <= 1,
            _ => kept == 0,
        };
        if !matches {
            return Err(format!("{who} has {kept} mails and was told {end:?}"));
        }
    }
    Ok(())
}

async fn play(stage: Stage, pattern: &str, action: Action, pipelining: bool) -> Result<(), String> {
    let what = format!("{stage:?} {pattern} {action:?}, pipelining {pipelining}");
    let mut behavior = Behavior::default().with_rule(Rule::new(stage, action).matching(pattern));
    if !pipelining {
        behavior = behavior.without(Extension::Pipelining);
    }
    let sink = Sink::start(behavior).await.map_err(|e| e.to_string())?;
    match deliver(&sink).await {
        Ok(delivery) => compare(&sink, &delivery).map_err(|words| format!("{what}: {words}")),
        Err(_) if sink.mails().is_empty() => Ok(()),
        Err(error) => Err(format!("{what}: a mail, and {error}")),
    }
}

#[tokio::test]
async fn the_client_never_lies_about_who_has_the_mail() {
    let mut playing = JoinSet::new();
    for (stage, pattern) in stages() {
        for action in actions() {
            if is_a_lie(stage, &action) {
                continue;
            }
            for pipelining in [true, false] {
                playing.spawn(play(stage, pattern, action.clone(), pipelining));
            }
        }
    }
    let lies: Vec<String> = playing.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(lies.is_empty(), "{}", lies.join("\n"));
}
