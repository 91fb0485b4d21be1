//! Plays every file of `tests/conversations`: what both sides send, and each recipient's result.
//!
//! The first line of a file says what it shows. Then, in any order that reads well:
//! ```text
//! with: login | starttls | message TEXT     what the client has; the message is `x` where nothing is said
//! S: C: = …                                 the conversation, as in `peer`
//! => a@x.org: Accepted: 250 queued          a recipient's result, with the status if another server were left
//! => the session is usable                  whether it can carry another message; or: is over
//! => no session: TryNext: greeting: …    why there is none
//! ```
//! A final `*` in a result stands for anything.
//! The recipients of one mail stand together; the line about the session ends the group.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use smtp_submission::{
    CommitPoint, Content, Credentials, Delivery, Envelope, Error, Path, RecipientStatus, Session,
};
use tokio::task::JoinSet;

use crate::peer::Peer;
use crate::protection::{issued, params, start_tls};

/// How long the client waits for a server that stalls.
const SHORT: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Conversation {
    login: bool,
    starttls: bool,
    message: String,
    script: String,
    no_session: Option<String>,
    mails: Vec<Mail>,
}

/// One mail: the recipients' results, and the state of the session.
#[derive(Default)]
struct Mail {
    told: Vec<(String, String)>,
    usable: Option<bool>,
}

fn read(text: &str) -> Result<Conversation, String> {
    let (purpose, rest) = text.split_once('\n').ok_or("it is empty")?;
    if !purpose.ends_with('.') || purpose.contains("S:") {
        return Err("the first line must be a sentence that says what it shows".to_owned());
    }
    let mut conversation = Conversation { message: "x".to_owned(), ..Conversation::default() };
    for line in rest.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match (line.strip_prefix("with: "), line.strip_prefix("=> ")) {
            (Some(what), _) => conversation.equip(what)?,
            (_, Some(words)) => conversation.expect(words)?,
            _ => conversation.script.extend([line, "\n"]),
        }
    }
    let ended = conversation.mails.iter().all(|mail| mail.usable.is_some() && !mail.told.is_empty());
    let tells = conversation.no_session.is_some() != conversation.mails.is_empty();
    if ended && !tells { Ok(conversation) } else { Err("it does not say what comes of it".to_owned()) }
}

impl Conversation {
    fn equip(&mut self, what: &str) -> Result<(), String> {
        match what.split_once(' ').unwrap_or((what, "")) {
            ("login", "") => self.login = true,
            ("starttls", "") => self.starttls = true,
            ("message", text) => text.clone_into(&mut self.message),
            _ => return Err(format!("with {what}?")),
        }
        Ok(())
    }

    fn expect(&mut self, words: &str) -> Result<(), String> {
        if let Some(error) = words.strip_prefix("no session: ") {
            self.no_session = Some(error.to_owned());
            return Ok(());
        }
        if self.mails.last().is_none_or(|mail| mail.usable.is_some()) {
            self.mails.push(Mail::default());
        }
        let mail = self.mails.last_mut().ok_or("no mail")?;
        match words {
            "the session is usable" => mail.usable = Some(true),
            "the session is over" => mail.usable = Some(false),
            _ => {
                let (who, told) = words.split_once(": ").ok_or("expected who: status: words")?;
                mail.told.push((who.to_owned(), told.to_owned()));
            }
        }
        Ok(())
    }

    async fn play(&self) -> Result<(), String> {
        let certified = self.starttls.then(|| issued(&params("127.0.0.1")));
        let acceptor = certified.as_ref().map(|certified| certified.acceptor.clone());
        let peer = Peer::play_with(&[&self.script], acceptor).await;
        let mut server = peer.server();
        if self.script.contains("= stall") {
            server.limits.command = SHORT;
            server.limits.end_of_data = SHORT;
        }
        if let Some(certified) = &certified {
            server.security = start_tls(&certified.pem);
        }
        if self.login {
            server.credentials = Some(Arc::new(Credentials::password("ada", "secret".to_owned().into())));
            server.allow_plaintext_login = true;
        }
        match (Session::open(&server).await, &self.no_session) {
            (Ok(session), None) => self.deliver(session).await?,
            (Ok(_), Some(_)) => return Err("there is a session".to_owned()),
            (Err(error), wanted) => fits(wanted.as_deref().unwrap_or("a session"), &describe(&error))?,
        }
        peer.finished().await
    }

    async fn deliver(&self, mut session: Session) -> Result<(), String> {
        let content =
            Content { chunks: vec![format!("{}\r\n", self.message).into_bytes().into()], smtputf8: false };
        for mail in &self.mails {
            let recipients = mail.told.iter().map(|(who, _)| Path::new(who)).collect::<Result<_, _>>();
            let recipients = recipients.map_err(|e| e.to_string())?;
            let envelope = Envelope { sender: Path::new("s@x.org").ok(), recipients };
            let delivery = session
                .send(&smtp_submission::Mail::new(envelope.clone(), content.clone(), CommitPoint::new()))
                .await;
            mail.check(&delivery)?;
            if mail.usable != Some(session.is_usable()) {
                return Err(format!("the session is usable: {}", session.is_usable()));
            }
        }
        session.quit().await;
        Ok(())
    }
}

impl Mail {
    fn check(&self, delivery: &Delivery) -> Result<(), String> {
        for ((who, wanted), end) in self.told.iter().zip(&delivery.recipients) {
            let described = match end {
                Ok(reply) => format!("{:?}: {reply}", RecipientStatus::Accepted),
                Err(error) => describe(error),
            };
            fits(wanted, &described).map_err(|words| format!("{who}: {words}"))?;
        }
        match self.told.len() == delivery.recipients.len() {
            true => Ok(()),
            false => Err(format!("{} answers", delivery.recipients.len())),
        }
    }
}

fn describe(error: &Error) -> String {
    let status = error.classify().status;
    format!("{status:?}: {}: {}", error.phase(), error.kind())
}

/// A final `*` in the expected text stands for anything.
fn fits(wanted: &str, found: &str) -> Result<(), String> {
    let good = wanted.strip_suffix('*').map_or(found == wanted, |start| found.starts_with(start));
    if good { Ok(()) } else { Err(format!("found {found:?} instead of {wanted:?}")) }
}

#[tokio::test]
async fn every_conversation_goes_as_it_is_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
    let mut playing = JoinSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(path.extension().is_some_and(|extension| extension == "txt"), "{name} is no script");
        let text = fs::read_to_string(&path).unwrap();
        playing.spawn(async move {
            let played = match read(&text) {
                Ok(conversation) => conversation.play().await,
                Err(words) => Err(words),
            };
            played.map_err(|words| format!("{name}: {words}"))
        });
    }
    let played = playing.join_all().await;
    let wrong: Vec<String> = played.iter().filter_map(|result| result.clone().err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(played.len() >= 40, "only {} conversations", played.len());
}

#[test]
fn a_script_that_promises_nothing_is_no_script() {
    for text in [
        "",
        "S: 220 mx\n",
        "It shows something.\nS: 220 mx\n",
        "It shows something.\n=> a@x.org: Accepted: 250\n",
        "It shows something.\n=> the session is usable\n",
        "It shows something.\nwith: luck\n=> no session: TryNext: greeting: why\n",
        "It shows something.\n=> no session: x\n=> a@x.org: y\n=> the session is over\n",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}
