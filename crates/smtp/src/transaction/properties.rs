//! Any server against the transaction: whatever it answers, nothing counts as sent that was not, and no recipient is lost.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::prop_assert_eq;
use proptest::test_runner::TestCaseError;

use super::{Transaction, TransactionStep, check};
use crate::{Content, Delivery, Envelope, ErrorKind, Extensions, Path, RecipientStatus, Reply};

/// A command, and the code that answered it; 0: the connection was lost instead.
#[derive(Debug, Default)]
struct Trace {
    asked: Vec<String>,
    codes: Vec<u16>,
    content: bool,
    in_sync: bool,
    clean: bool,
}

impl Trace {
    /// The code that answered the first command that begins so.
    fn to(&self, start: &str) -> Option<u16> {
        let at = self.asked.iter().position(|line| line.starts_with(start))?;
        self.codes.get(at).copied()
    }

    fn is_yes(&self, start: &str) -> bool {
        self.to(start).is_some_and(|code| code / 100 == 2)
    }

    fn data_may_come(&self) -> bool {
        self.to("DATA") == Some(354)
    }

    fn is_lost(&self) -> bool {
        self.codes.iter().any(|code| [0, 421].contains(code))
    }
}

fn envelope(recipients: usize) -> Envelope {
    let path = |text: String| Path::new(&text).unwrap();
    Envelope {
        sender: Some(path("s@x.org".to_owned())),
        recipients: (0..recipients).map(|n| path(format!("r{n}@x.org"))).collect(),
    }
}

/// A transaction against a server that answers with `codes`, and hangs up when they are spent.
fn exchange(envelope: &Envelope, pipelining: bool, clean: bool, codes: &[u16]) -> (Trace, Delivery) {
    let extensions = Extensions { pipelining, ..Extensions::default() };
    let params = check(envelope, Content::default().info(), &extensions).unwrap();
    let mut transaction = Transaction::new(envelope, &extensions, params, clean);
    let mut trace = Trace::default();
    loop {
        match transaction.step() {
            TransactionStep::Done => break,
            TransactionStep::Content => {
                trace.content = true;
                trace.asked.push("content".to_owned());
            }
            TransactionStep::Send(group) => {
                trace.asked.extend(String::from_utf8(group).unwrap().lines().map(str::to_owned));
            }
            TransactionStep::Read(phase) => {
                let code = codes.get(trace.codes.len()).copied().unwrap_or(0);
                trace.codes.push(code);
                match code {
                    0 => transaction.fail(phase, ErrorKind::Closed),
                    _ => transaction.reply(Reply { code, enhanced: None, text: String::new() }),
                }
            }
        }
    }
    (trace.in_sync, trace.clean) = (transaction.is_in_sync(), transaction.is_clean());
    (trace, transaction.into_delivery())
}

/// A recipient is accepted if, and only if, the server accepted every step that concerns it.
fn recipients_are_told_the_truth(trace: &Trace, delivery: &Delivery) -> Result<(), TestCaseError> {
    for (index, end) in delivery.recipients.iter().enumerate() {
        let rcpt = format!("RCPT TO:<r{index}@");
        let sent = trace.is_yes("MAIL") && trace.is_yes(&rcpt) && trace.data_may_come() && trace.content;
        prop_assert_eq!(end.is_ok(), sent && trace.is_yes("content"), "recipient {}: {:?}", index, trace);
        let Err(error) = end else { continue };
        let is_unknown = error.classify().status == RecipientStatus::Unknown;
        let no_word = trace.to("content").is_some_and(|code| matches!(code, 0 | 300..=399));
        prop_assert_eq!(is_unknown, sent && no_word, "recipient {}: {:?}", index, trace);
    }
    Ok(())
}

/// Content is sent only if a recipient was accepted, and a lone dot only if none was.
fn the_end_is_for_those_who_were_taken(trace: &Trace, recipients: usize) -> Result<(), TestCaseError> {
    let anyone = (0..recipients).any(|index| trace.is_yes(&format!("RCPT TO:<r{index}@")));
    let asked_for = trace.is_yes("MAIL") && anyone && trace.data_may_come();
    prop_assert_eq!(trace.content && !asked_for, false, "{:?}", trace);
    let lone_dot = trace.asked.iter().any(|line| line == ".");
    prop_assert_eq!(lone_dot && anyone, false, "{:?}", trace);
    Ok(())
}

/// A session goes on only if every command was answered, with a positive or a negative reply.
fn the_session_is_in_step_or_over(trace: &Trace) -> Result<(), TestCaseError> {
    let answered = trace.asked.len() == trace.codes.len();
    let astray = trace.asked.iter().zip(&trace.codes).any(|(line, code)| match line.as_str() {
        "DATA" => !matches!(code, 354 | 400..),
        _ => code / 100 == 3,
    });
    prop_assert_eq!(trace.in_sync && (!answered || trace.is_lost() || astray), false, "{:?}", trace);
    prop_assert_eq!(trace.in_sync && trace.clean && !trace.is_yes("content"), false, "{:?}", trace);
    Ok(())
}

fn code() -> impl Strategy<Value = u16> {
    prop_oneof![
        6 => Just(250),
        3 => Just(354),
        1 => Just(421),
        1 => Just(0),
        4 => 400..600_u16,
        2 => 200..400_u16,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_server(
        recipients in 1..=4_usize,
        pipelining in any::<bool>(),
        codes in proptest::collection::vec(code(), 0..10),
        further in proptest::collection::vec(code(), 0..10),
    ) {
        let envelope = envelope(recipients);
        let mut clean = true;
        for codes in [codes, further] {
            let (trace, delivery) = exchange(&envelope, pipelining, clean, &codes);
            prop_assert_eq!(delivery.recipients.len(), recipients);
            prop_assert_eq!(trace.asked[0] == "RSET", !clean);
            recipients_are_told_the_truth(&trace, &delivery)?;
            the_end_is_for_those_who_were_taken(&trace, recipients)?;
            the_session_is_in_step_or_over(&trace)?;
            if !trace.in_sync {
                break;
            }
            clean = trace.clean;
        }
    }
}
