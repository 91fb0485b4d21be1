//! Any server against the transaction: it ends, nothing counts as sent that was not, and a session goes on only in sync.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use smtp_submission::transaction::{Transaction, TransactionStep, check};
use smtp_submission::{Content, Delivery, Envelope, ErrorKind, Extensions, Path, RecipientStatus, Reply};

/// A server and what it is sent.
#[derive(Arbitrary, Debug)]
struct Input {
    recipients: u8,
    pipelining: bool,
    clean: bool,
    answers: Vec<Answer>,
}

/// How one command is answered.
#[derive(Arbitrary, Debug, Clone, Copy)]
enum Answer {
    Ok,
    GoOn,
    Closing,
    Deferred,
    Refused,
    Other(u16),
    Lost,
}

impl Answer {
    /// The code; `None`: the connection was lost instead.
    fn code(self) -> Option<u16> {
        match self {
            Self::Ok => Some(250),
            Self::GoOn => Some(354),
            Self::Closing => Some(421),
            Self::Deferred => Some(450),
            Self::Refused => Some(550),
            Self::Other(any) => Some(200 + any % 400),
            Self::Lost => None,
        }
    }
}

/// What was sent, line by line, and how each line was answered, as far as it was.
#[derive(Debug, Default)]
struct Trace {
    sent: Vec<String>,
    answers: Vec<Option<u16>>,
}

impl Trace {
    fn code_of(&self, start: &str) -> Option<u16> {
        let at = self.sent.iter().position(|line| line.starts_with(start))?;
        self.answers.get(at).copied().flatten()
    }

    fn is_yes(&self, start: &str) -> bool {
        self.code_of(start).is_some_and(|code| code / 100 == 2)
    }
}

fuzz_target!(|input: Input| {
    let recipients = usize::from(input.recipients % 5);
    let envelope = envelope(recipients);
    let extensions = Extensions { pipelining: input.pipelining, ..Extensions::default() };
    let Ok(declared) = check(&envelope, Content::default().info(), &extensions) else {
        panic!("an empty message needs nothing");
    };
    let mut transaction = Transaction::new(&envelope, &extensions, declared, input.clean);
    let trace = converse(&mut transaction, &input.answers);
    in_step_means_answered(&trace, transaction.is_in_sync());
    let delivery = transaction.into_delivery();
    assert_eq!(delivery.recipients.len(), recipients);
    told_the_truth(&trace, &delivery);
});

fn envelope(recipients: usize) -> Envelope {
    let path = |text: &str| Path::new(text).unwrap_or_else(|error| panic!("{error}"));
    Envelope {
        sender: Some(path("s@x.org")),
        recipients: (0..recipients).map(|n| path(&format!("r{n}@x.org"))).collect(),
    }
}

/// Plays the server, which hangs up when its answers are spent. The transaction must come to its end.
fn converse(transaction: &mut Transaction<'_>, answers: &[Answer]) -> Trace {
    let mut trace = Trace::default();
    for _ in 0..100 {
        match transaction.step() {
            TransactionStep::Done => return trace,
            TransactionStep::Content => trace.sent.push("content".to_owned()),
            TransactionStep::Send(group) => {
                let group = String::from_utf8_lossy(&group).into_owned();
                assert!(group.ends_with("\r\n") && !group.contains("\r\n\r\n"), "{group:?}");
                trace.sent.extend(group.lines().map(str::to_owned));
            }
            TransactionStep::Read(phase) => {
                let code = answers.get(trace.answers.len()).and_then(|answer| answer.code());
                trace.answers.push(code);
                assert!(trace.answers.len() <= trace.sent.len(), "waits for an answer to nothing: {trace:?}");
                match code {
                    None => transaction.fail(phase, ErrorKind::Closed),
                    Some(code) => transaction.reply(Reply { code, enhanced: None, text: String::new() }),
                }
            }
        }
    }
    panic!("no end: {trace:?}");
}

/// Accepted if, and only if, the server said so at every step that concerns the recipient.
fn told_the_truth(trace: &Trace, delivery: &Delivery) {
    let anyone = |(n, _)| trace.is_yes(&format!("RCPT TO:<r{n}@"));
    let wanted = trace.is_yes("MAIL")
        && delivery.recipients.iter().enumerate().any(anyone)
        && trace.code_of("DATA") == Some(354);
    let went = trace.sent.iter().any(|line| line == "content");
    assert!(!went || wanted, "content for nobody: {trace:?}");
    for (n, end) in delivery.recipients.iter().enumerate() {
        let taken = trace.is_yes("MAIL") && trace.is_yes(&format!("RCPT TO:<r{n}@"));
        let sent = taken && went;
        assert_eq!(end.is_ok(), sent && trace.is_yes("content"), "recipient {n}: {trace:?}");
        let Err(error) = end else { continue };
        let unknown = error.classify().status == RecipientStatus::Unknown;
        let silent = trace.code_of("content").is_none_or(|code| code / 100 == 3);
        assert_eq!(unknown, sent && silent, "recipient {n}: {trace:?}");
    }
}

fn in_step_means_answered(trace: &Trace, in_step: bool) {
    if !in_step {
        return;
    }
    assert_eq!(trace.sent.len(), trace.answers.len(), "{trace:?}");
    for (line, code) in trace.sent.iter().zip(&trace.answers) {
        let Some(code) = code else { panic!("lost and yet in step: {trace:?}") };
        assert_ne!(*code, 421, "{trace:?}");
        let good = if line == "DATA" { matches!(code, 354 | 400..) } else { code / 100 != 3 };
        assert!(good, "{line}: {trace:?}");
    }
}
