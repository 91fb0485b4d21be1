//! Rules as text: `rcpt:bad*@* 2nd reply 550 5.1.1 no`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Action, Rule, Stage};
use crate::behavior::{Latch, Wait};

const STAGES: [(&str, Stage); 14] = [
    ("greeting", Stage::Greeting),
    ("ehlo", Stage::Ehlo),
    ("helo", Stage::Helo),
    ("starttls", Stage::StartTls),
    ("login", Stage::Login),
    ("mail", Stage::Mail),
    ("rcpt", Stage::Rcpt),
    ("data", Stage::Data),
    ("content", Stage::Content),
    ("end", Stage::EndOfData),
    ("kept", Stage::Kept),
    ("rset", Stage::Rset),
    ("noop", Stage::Noop),
    ("quit", Stage::Quit),
];
const ACTIONS: &str = "reply, drip, garbage, endless, stall, hangup, reset";

/// Why a text is not a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseRuleError(String);

impl fmt::Display for ParseRuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseRuleError {}

fn error<T>(message: impl Into<String>) -> Result<T, ParseRuleError> {
    Err(ParseRuleError(message.into()))
}

impl Rule {
    /// The syntax of a rule, as help text.
    pub const HELP: &str = "\
Misbehave: STAGE[:GLOB] [Nth] ACTION. The first rule that matches applies.

STAGE: greeting, ehlo, helo, starttls, login (its result), mail[:GLOB], rcpt[:GLOB], data, content (after its first bytes), \
end (nothing is kept yet), kept (the mail is kept already), rset, noop, quit

Nth: 1st, 2nd, 3rd, 4th …: only this time, counted over all connections

ACTION:
  reply REPLY         send this reply; \\n begins another line, 421 also closes, with 2xx the command is carried out
  drip SECONDS REPLY  the same byte by byte, with a pause after each
  garbage TEXT        send a line that is not a reply
  endless CODE        begin a reply and never end it
  stall [SECONDS]     stay silent this long, or until the client gives up
  hangup              close the connection without a reply
  reset               reset the connection

Examples: --at \"rcpt:bad*@* reply 550 5.1.1 no\" --at \"data 2nd reset\" --at \"kept hangup\"";
}

impl FromStr for Rule {
    type Err = ParseRuleError;

    fn from_str(text: &str) -> Result<Self, ParseRuleError> {
        let (stage, rest) = first_word(text);
        let (stage, pattern) = stage_and_pattern(stage)?;
        let (word, after) = first_word(rest);
        let rule = match nth(word) {
            Some(nth) => Self::new(stage, action(after)?).only(nth),
            None => Self::new(stage, action(rest)?),
        };
        Ok(rule.matching(pattern))
    }
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn stage_and_pattern(word: &str) -> Result<(Stage, &str), ParseRuleError> {
    let (name, pattern) = match word.split_once(':') {
        Some((name, pattern)) => (name, Some(pattern)),
        None => (word, None),
    };
    let Some((_, stage)) = STAGES.iter().find(|(known, _)| *known == name) else {
        let known = STAGES.map(|(name, _)| name).join(", ");
        return error(format!("there is no stage \"{name}\"; expected one of {known}"));
    };
    match (stage, pattern) {
        (Stage::Mail | Stage::Rcpt, _) | (_, None) => Ok((*stage, pattern.unwrap_or("*"))),
        _ => error(format!("\"{name}\" takes no pattern; only mail and rcpt do")),
    }
}

/// 1st, 2nd, 3rd, 4th: from 1, with any of the four endings.
fn nth(word: &str) -> Option<u64> {
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending))?;
    digits.parse().ok().filter(|nth| *nth > 0)
}

fn action(text: &str) -> Result<Action, ParseRuleError> {
    let (verb, argument) = first_word(text);
    match (verb, argument) {
        ("reply", text) => Ok(Action::Reply(reply(text)?)),
        ("drip", text) => {
            let (pause, text) = first_word(text);
            Ok(Action::Drip { pause: seconds(pause)?, reply: reply(text)? })
        }
        ("garbage", text) => Ok(Action::Garbage(format!("{text}\r\n").into_bytes())),
        ("endless", text) => Ok(Action::Endless(code(text)?)),
        ("stall", "") => Ok(Action::Stall(Wait::Until(Latch::new()))),
        ("stall", text) => Ok(Action::Stall(Wait::For(seconds(text)?))),
        ("hangup", "") => Ok(Action::HangUp),
        ("reset", "") => Ok(Action::Reset),
        ("hangup" | "reset", _) => error(format!("\"{verb}\" takes no argument")),
        ("", _) => error(format!("the action is missing; expected one of {ACTIONS}")),
        _ => error(format!("there is no action \"{verb}\"; expected one of {ACTIONS}")),
    }
}

fn reply(text: &str) -> Result<String, ParseRuleError> {
    let code_word = text.split([' ', '-', '\\']).next().unwrap_or_default();
    code(code_word)?;
    Ok(text.replace("\\n", "\n"))
}

fn code(text: &str) -> Result<u16, ParseRuleError> {
    match text.parse() {
        Ok(code @ 200..=599) if text.len() == 3 => Ok(code),
        _ => error(format!(
            "\"{text}\" is not a reply code: a reply begins with three digits, as in \"452 4.3.1 disk full\""
        )),
    }
}

fn seconds(text: &str) -> Result<Duration, ParseRuleError> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.map_or_else(|| error(format!("\"{text}\" is not a number of seconds")), Ok)
}

#[cfg(test)]
mod tests {
    use super::{ACTIONS, Action, Duration, Rule, STAGES, Stage, Wait};

    fn rule(text: &str) -> Rule {
        text.parse().unwrap()
    }

    #[test]
    fn rules_are_parsed() {
        let reply = |text: &str| Action::Reply(text.to_owned());
        let drip = Action::Drip { reply: "250 mx".to_owned(), pause: Duration::from_millis(10) };
        for (text, stage, pattern, nth, action) in [
            ("greeting reply 421 bye", Stage::Greeting, "*", None, reply("421 bye")),
            ("rcpt:bad*@* reply 550 no", Stage::Rcpt, "bad*@*", None, reply("550 no")),
            ("rcpt reply 550-a\\nb", Stage::Rcpt, "*", None, reply("550-a\nb")),
            ("mail 2nd hangup", Stage::Mail, "*", Some(2), Action::HangUp),
            ("  data   11th   reset ", Stage::Data, "*", Some(11), Action::Reset),
            ("quit garbage so long", Stage::Quit, "*", None, Action::Garbage(b"so long\r\n".to_vec())),
            ("end endless 250", Stage::EndOfData, "*", None, Action::Endless(250)),
            ("kept stall 0.5", Stage::Kept, "*", None, Action::Stall(Wait::For(Duration::from_millis(500)))),
            ("ehlo drip 0.01 250 mx", Stage::Ehlo, "*", None, drip),
        ] {
            let rule = rule(text);
            assert_eq!(
                (rule.stage, &*rule.pattern, rule.nth, rule.action),
                (stage, pattern, nth, action),
                "{text}"
            );
        }
        assert!(matches!(rule("rset stall").action(), Action::Stall(Wait::Until(_))));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (text, message) in [
            ("", "there is no stage \"\""),
            ("lunch hangup", "there is no stage \"lunch\"; expected one of greeting, ehlo"),
            ("data:x hangup", "\"data\" takes no pattern"),
            ("data", "the action is missing; expected one of reply, drip"),
            ("data 2nd", "the action is missing"),
            ("data 0th hangup", "there is no action \"0th\""),
            ("data sulk", "there is no action \"sulk\""),
            ("data reply", "\"\" is not a reply code"),
            ("data reply hello", "\"hello\" is not a reply code"),
            ("data reply 1000 x", "\"1000\" is not a reply code"),
            ("data endless 99", "\"99\" is not a reply code"),
            ("data drip 250 ok", "\"ok\" is not a reply code"),
            ("data stall long", "\"long\" is not a number of seconds"),
            ("data stall -1", "\"-1\" is not a number of seconds"),
            ("data reset now", "\"reset\" takes no argument"),
        ] {
            let error = text.parse::<Rule>().unwrap_err().to_string();
            assert!(error.starts_with(message), "{text}: {error}");
        }
    }

    #[test]
    fn the_help_names_every_word() {
        for word in STAGES.map(|(name, _)| name).into_iter().chain(ACTIONS.split(", ")) {
            assert!(Rule::HELP.contains(word), "{word}");
        }
    }
}
