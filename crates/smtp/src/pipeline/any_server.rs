//! A server that may answer anything, and what must hold then: what is called accepted was kept by the server, what is called unknown
//! cannot be known, and everything else can be sent again. For the property test and for the fuzz target.

use std::collections::VecDeque;

use super::{Framing, Part, Pipeline, SessionState, Step};
use crate::transaction::{Transaction, check};
use crate::{Content, Delivery, Envelope, Error, ErrorKind, Extensions, Path, RecipientStatus, Reply};

/// A message that the server took, or may have taken when it hung up.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    sender: Option<usize>,
    content: Option<usize>,
    recipients: Vec<(usize, usize)>,
}

/// A server that answers each command with the next code, whatever it is, and acts as it says. 0: it hangs up instead.
#[derive(Debug, Default)]
struct Server {
    codes: VecDeque<u16>,
    obeys_reset: bool,
    /// The number of the first message of the batch.
    first: usize,
    sender: Option<usize>,
    recipients: Vec<(usize, usize)>,
    wants_content: bool,
    replies: VecDeque<(Asked, u16)>,
    kept: Vec<Kept>,
    has_hung_up: bool,
    /// Commands and contents that reached it after it hung up may have been carried out before.
    may_be_kept: Vec<usize>,
    written: Vec<usize>,
}

/// What a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Mail(usize),
    Rcpt(usize, usize),
    Content(usize),
    Other,
}

impl Server {
    fn take(&mut self, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Commands(commands) => {
                    let text = String::from_utf8(commands.clone()).unwrap();
                    text.lines().for_each(|line| self.command(line));
                }
                Part::Content(message, framing) => self.content(*message, *framing),
            }
        }
    }

    fn answer(&mut self, asked: Asked, usual: u16) -> u16 {
        if self.has_hung_up {
            return 0;
        }
        let code = self.codes.pop_front().unwrap_or(usual);
        self.replies.push_back((asked, code));
        self.has_hung_up = code == 0 || code == 421;
        code
    }

    /// A second MAIL in a transaction is never accepted (RFC 5321, section 3.3).
    fn answer_nested(&mut self, message: usize) -> u16 {
        if self.codes.front().is_none_or(|code| code / 100 == 2) {
            self.codes.pop_front();
            self.codes.push_front(503);
        }
        self.answer(Asked::Mail(message), 503)
    }

    fn command(&mut self, line: &str) {
        let numbers: Vec<usize> =
            line.split(['<', '-', '@', 's', 'r']).filter_map(|n| n.parse().ok()).collect();
        let code = match line.split(' ').next().unwrap() {
            // The content that follows is answered, not the command.
            "BDAT" => return,
            "RSET" if self.obeys_reset && !self.has_hung_up => {
                self.replies.push_back((Asked::Other, 250));
                250
            }
            "MAIL" if self.sender.is_some() => self.answer_nested(numbers[0]),
            "MAIL" => self.answer(Asked::Mail(numbers[0]), 250),
            "RCPT" => self.answer(Asked::Rcpt(numbers[0], numbers[1]), 250),
            "DATA" => self.answer(Asked::Other, 354),
            _ => self.answer(Asked::Other, 250),
        };
        match (line.split(' ').next().unwrap(), code / 100) {
            ("RSET", 2) => self.forget(),
            ("MAIL", 2) => {
                self.forget();
                self.sender = Some(numbers[0]);
            }
            ("RCPT", 2) => self.recipients.push((numbers[0], numbers[1])),
            ("DATA", 3) => self.wants_content = code == 354,
            (".", _) => {
                assert!(self.wants_content || self.has_hung_up);
                self.end(None, code);
            }
            _ => {}
        }
    }

    fn content(&mut self, message: usize, framing: Framing) {
        let message = self.first + message;
        self.written.push(message);
        if self.has_hung_up {
            // After a 421 nothing is carried out.
            let is_closing = self.replies.back().is_none_or(|(_, code)| *code == 421);
            if !is_closing {
                self.may_be_kept.push(message);
            }
            return;
        }
        assert_eq!(self.wants_content, framing == Framing::Dot);
        let code = self.answer(Asked::Content(message), 250);
        if code == 0 {
            self.may_be_kept.push(message);
        }
        let is_refused_chunk = framing == Framing::Chunk && code / 100 != 2;
        if !is_refused_chunk {
            self.end(Some(message), code);
        }
    }

    fn end(&mut self, content: Option<usize>, code: u16) {
        if code / 100 == 2 && !self.recipients.is_empty() {
            let recipients = self.recipients.clone();
            self.kept.push(Kept { sender: self.sender, content, recipients });
        }
        self.wants_content = false;
        self.forget();
    }

    fn forget(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }
}

/// One message of a batch.
#[derive(Debug, Clone)]
pub struct Given {
    /// How many recipients it has, at least one.
    pub recipients: usize,
    /// Its size in bytes.
    pub size: u64,
    /// To all of them or none.
    pub all_or_nothing: bool,
    /// It is cancelled before its last byte is sent.
    pub cancelled: bool,
}

/// What the server offers, and how the session is.
#[derive(Debug, Clone, Copy)]
pub struct Offered {
    /// PIPELINING.
    pub pipelining: bool,
    /// CHUNKING.
    pub chunking: bool,
    /// The session was active a moment ago.
    pub active: bool,
    /// BDAT was answered before.
    pub knows_bdat: bool,
    /// RSET is always carried out.
    pub obeys_reset: bool,
}

/// Sends one batch after the other over a session with a server that answers with `codes`.
///
/// # Panics
/// An outcome is not the truth, or the session goes on although it is not in sync.
pub fn converse(offered: Offered, codes: Vec<u16>, batches: &[Vec<Given>]) {
    let Offered { pipelining, chunking, active, knows_bdat, obeys_reset } = offered;
    let extensions = Extensions { pipelining, chunking, ..Extensions::default() };
    let mut server = Server { codes: codes.into(), obeys_reset, ..Server::default() };
    let mut session = SessionState { in_sync: true, clean: true, active, knows_bdat };
    for batch in batches {
        session = run(&mut server, &extensions, session, batch);
        if !session.in_sync {
            return;
        }
        server.first += batch.len();
    }
}

/// What the client read of the replies to one message.
#[derive(Debug, Clone, Default)]
struct Heard {
    mail: Option<u16>,
    refused_recipients: Vec<usize>,
    content: Option<u16>,
}

/// Sends a batch, and compares each outcome with what the server did.
fn run(server: &mut Server, extensions: &Extensions, session: SessionState, batch: &[Given]) -> SessionState {
    let envelopes: Vec<Envelope> =
        batch.iter().zip(server.first..).map(|(given, number)| envelope(number, given)).collect();
    let transaction = |(envelope, given): (_, &Given)| {
        let mut params = check(envelope, Content::default().info(), extensions).unwrap();
        params.size = given.size;
        Transaction::new(envelope, params, given.all_or_nothing)
    };
    let transactions = envelopes.iter().zip(batch).map(transaction).collect();
    let mut pipeline = Pipeline::new(transactions, extensions, session);
    let mut heard = vec![Heard::default(); batch.len()];
    let mut outcomes: Vec<Delivery> = Vec::new();
    loop {
        let step = pipeline.step(|message| !batch[message].cancelled);
        while let Some((message, delivery)) = pipeline.take_outcome() {
            assert_eq!(message, outcomes.len(), "the outcomes come in order");
            outcomes.push(delivery);
        }
        match step {
            Step::Done => break,
            Step::Write(parts) => server.take(&parts),
            Step::Upload(message, _) if batch[message].cancelled => pipeline.fail(&ErrorKind::Cancelled),
            Step::Upload(message, framing) => {
                pipeline.set_handed_over(message, true);
                server.take(&[Part::Content(message, framing)]);
            }
            Step::Read(_) => read(server, &mut pipeline, &mut heard),
        }
    }
    assert_eq!(outcomes.len(), batch.len());
    for (message, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.recipients.len(), batch[message].recipients);
        for (recipient, end) in outcome.recipients.iter().enumerate() {
            is_the_truth(server, &heard[message], &batch[message], (server.first + message, recipient), end);
        }
    }
    let is_own = |kept: &Kept| kept.sender.is_none() || kept.sender == kept.content;
    assert!(!server.obeys_reset || server.kept.iter().all(is_own), "under another's sender: {server:?}");
    let state = pipeline.session();
    assert!(!state.in_sync || (server.replies.is_empty() && !server.has_hung_up && !server.wants_content));
    state
}

fn read(server: &mut Server, pipeline: &mut Pipeline<'_>, heard: &mut [Heard]) {
    let first = server.first;
    let (asked, code) = server.replies.pop_front().expect("a reply that was not asked for is awaited");
    match asked {
        Asked::Mail(message) => heard[message - first].mail = Some(code),
        Asked::Rcpt(message, recipient) if code >= 400 => {
            heard[message - first].refused_recipients.push(recipient);
        }
        Asked::Content(message) => heard[message - first].content = Some(code),
        Asked::Rcpt(..) | Asked::Other => {}
    }
    match code {
        0 => pipeline.fail(&ErrorKind::Closed),
        // Some refusals are in words that are about an extension elsewhere.
        _ => {
            let text = if code == 554 { "synchronization" } else { "" };
            pipeline.reply(Reply { code, enhanced: None, text: text.to_owned() });
        }
    }
}

fn is_the_truth(
    server: &Server,
    heard: &Heard,
    given: &Given,
    (message, recipient): (usize, usize),
    end: &Result<Reply, Error>,
) {
    let is_kept =
        |kept: &&Kept| kept.content == Some(message) && kept.recipients.contains(&(message, recipient));
    let kept = server.kept.iter().filter(is_kept).collect::<Vec<_>>();
    assert!(kept.len() <= 1, "kept twice: {server:?}");
    let status = end.as_ref().map_or_else(|error| error.classify().status, |_| RecipientStatus::Accepted);
    let context = format!("message {message}, recipient {recipient}: {end:?}, {heard:?}, {server:?}");
    match status {
        RecipientStatus::Accepted => {
            assert!(kept.first().is_some_and(|kept| kept.sender == Some(message)), "{}", context);
        }
        RecipientStatus::Unknown => {
            let no_word = heard.content.is_none_or(|code| code == 0 || code / 100 == 3);
            let contradiction = heard.mail.is_some_and(|code| code / 100 != 2) && heard.content.is_some();
            assert!(server.written.contains(&message) && (no_word || contradiction), "{}", context);
        }
        _ => {
            // A server that takes a message without its sender cannot be understood.
            assert!(kept.iter().all(|kept| kept.sender != Some(message)), "{}", context);
            let has_reply = end.as_ref().is_err_and(|error| error.reply().is_some());
            let was_refused = has_reply || heard.refused_recipients.contains(&recipient);
            assert!(was_refused || !server.may_be_kept.contains(&message), "{}", context);
        }
    }
    let is_mixed = kept.iter().any(|kept| kept.recipients.iter().any(|(owner, _)| *owner != message));
    assert!(!is_mixed || status != RecipientStatus::Accepted, "sent to another's recipients: {context}");
    assert!(!given.cancelled || !server.written.contains(&message), "{}", context);
    let is_withheld = given.all_or_nothing && kept.len() == 1;
    assert!(!is_withheld || kept[0].recipients.len() == given.recipients, "all or nothing: {context}");
}

fn envelope(message: usize, given: &Given) -> Envelope {
    let path = |text: String| Path::new(&text).unwrap();
    Envelope {
        sender: Some(path(format!("s{message}@x.org"))),
        recipients: (0..given.recipients).map(|n| path(format!("r{message}-{n}@x.org"))).collect(),
    }
}
