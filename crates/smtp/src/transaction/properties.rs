//! Any server against the transaction: whatever it answers, nothing counts as sent that was not, and no recipient is lost.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::prop_assert_eq;
use proptest::test_runner::TestCaseError;

use super::{Transaction, TransactionStep, check};
use crate::{Content, Delivery, Envelope, ErrorKind, Extensions, Path, RecipientStatus, Reply, classify};

/// A command, and the code that answered it; 0: the connection was lost instead.
#[derive(Debug, Default)]
struct Heard {
    asked: Vec<String>,
    codes: Vec<u16>,
    content: bool,
    in_sync: bool,
    clean: bool,
}

impl Heard {
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
fn exchange(envelope: &Envelope, pipelining: bool, clean: bool, codes: &[u16]) -> (Heard, Delivery) {
    let extensions = Extensions { pipelining, ..Extensions::default() };
    let params = check(envelope, Content::default().info(), &extensions).unwrap();
    let mut transaction = Transaction::new(envelope, &extensions, params, clean);
    let mut heard = Heard::default();
    loop {
        match transaction.step() {
            TransactionStep::Done => break,
            TransactionStep::Content => {
                heard.content = true;
                heard.asked.push("content".to_owned());
            }
            TransactionStep::Send(flight) => {
                heard.asked.extend(String::from_utf8(flight).unwrap().lines().map(str::to_owned));
            }
            TransactionStep::Read(phase) => {
                let code = codes.get(heard.codes.len()).copied().unwrap_or(0);
                heard.codes.push(code);
                match code {
                    0 => transaction.fail(phase, ErrorKind::Closed),
                    _ => transaction.reply(Reply { code, enhanced: None, text: String::new() }),
                }
            }
        }
    }
    (heard.in_sync, heard.clean) = (transaction.is_in_sync(), transaction.is_clean());
    (heard, transaction.into_delivery())
}

/// A recipient is accepted if, and only if, the server accepted every step that concerns it.
fn recipients_are_told_the_truth(heard: &Heard, delivery: &Delivery) -> Result<(), TestCaseError> {
    for (index, end) in delivery.recipients.iter().enumerate() {
        let rcpt = format!("RCPT TO:<r{index}@");
        let sent = heard.is_yes("MAIL") && heard.is_yes(&rcpt) && heard.data_may_come() && heard.content;
        prop_assert_eq!(end.is_ok(), sent && heard.is_yes("content"), "recipient {}: {:?}", index, heard);
        let Err(error) = end else { continue };
        let is_unknown = classify(error.phase, &error.kind, true).status == RecipientStatus::Unknown;
        let no_word = heard.to("content").is_some_and(|code| matches!(code, 0 | 300..=399));
        prop_assert_eq!(is_unknown, sent && no_word, "recipient {}: {:?}", index, heard);
    }
    Ok(())
}

/// Content is sent only if a recipient was accepted, and a lone dot only if none was.
fn the_end_is_for_those_who_were_taken(heard: &Heard, recipients: usize) -> Result<(), TestCaseError> {
    let anyone = (0..recipients).any(|index| heard.is_yes(&format!("RCPT TO:<r{index}@")));
    let asked_for = heard.is_yes("MAIL") && anyone && heard.data_may_come();
    prop_assert_eq!(heard.content && !asked_for, false, "{:?}", heard);
    let lone_dot = heard.asked.iter().any(|line| line == ".");
    prop_assert_eq!(lone_dot && anyone, false, "{:?}", heard);
    Ok(())
}

/// A session goes on only if every command was answered, with a positive or a negative reply.
fn the_session_is_in_step_or_over(heard: &Heard) -> Result<(), TestCaseError> {
    let answered = heard.asked.len() == heard.codes.len();
    let astray = heard.asked.iter().zip(&heard.codes).any(|(line, code)| match line.as_str() {
        "DATA" => !matches!(code, 354 | 400..),
        _ => code / 100 == 3,
    });
    prop_assert_eq!(heard.in_sync && (!answered || heard.is_lost() || astray), false, "{:?}", heard);
    prop_assert_eq!(heard.in_sync && heard.clean && !heard.is_yes("content"), false, "{:?}", heard);
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
            let (heard, delivery) = exchange(&envelope, pipelining, clean, &codes);
            prop_assert_eq!(delivery.recipients.len(), recipients);
            prop_assert_eq!(heard.asked[0] == "RSET", !clean);
            recipients_are_told_the_truth(&heard, &delivery)?;
            the_end_is_for_those_who_were_taken(&heard, recipients)?;
            the_session_is_in_step_or_over(&heard)?;
            if !heard.in_sync {
                break;
            }
            clean = heard.clean;
        }
    }
}
