//! Rules as text: `rcpt:bad*@* 2nd reply 550 5.1.1 no`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Act, At, Rule};
use crate::manner::{Gate, Wait};

const MOMENTS: &str =
    "greeting, ehlo, helo, starttls, login, mail, rcpt, data, content, end, kept, rset, noop, quit";
const ACTS: &str = "reply, drip, garbage, endless, stall, hangup, reset";

/// Why a text is no rule, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongRule(String);

impl fmt::Display for WrongRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongRule {}

fn wrong<T>(words: impl Into<String>) -> Result<T, WrongRule> {
    Err(WrongRule(words.into()))
}

impl Rule {
    /// How a rule is written, for a person.
    pub const LANGUAGE: &str = "\
Misbehave: MOMENT[:GLOB] [Nth] ACT. The first that fits counts.

MOMENT: greeting, ehlo, helo, starttls, login (its end), mail[:GLOB], rcpt[:GLOB], data, content (after its first bytes), \
end (nothing is kept), kept (the mail is kept already), rset, noop, quit

Nth: 1st, 2nd, 3rd, 4th …: this time only, counted over all connections

ACT:
  reply REPLY         say this; \\n begins a further line, 421 also closes, a yes comes with the duty done
  drip SECONDS REPLY  the same byte by byte, with a pause behind each
  garbage TEXT        say a line that is no reply
  endless CODE        begin a reply and never end it
  stall [SECONDS]     say nothing for so long, or until the client gives up
  hangup              close the connection without a word
  reset               reset the connection

Such as: --at \"rcpt:bad*@* reply 550 5.1.1 no\" --at \"data 2nd reset\" --at \"kept hangup\"";
}

impl FromStr for Rule {
    type Err = WrongRule;

    fn from_str(text: &str) -> Result<Self, WrongRule> {
        let (moment, rest) = first_word(text);
        let at = at(moment)?;
        let (word, behind) = first_word(rest);
        match nth(word) {
            Some(nth) => Ok(Self::new(at, act(behind)?).only(nth)),
            None => Ok(Self::new(at, act(rest)?)),
        }
    }
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn at(moment: &str) -> Result<At, WrongRule> {
    let (name, pattern) = match moment.split_once(':') {
        Some((name, pattern)) => (name, Some(pattern)),
        None => (moment, None),
    };
    let pattern_or_any = || pattern.unwrap_or("*").to_owned();
    let at = match name {
        "mail" => return Ok(At::Sender(pattern_or_any())),
        "rcpt" => return Ok(At::Recipient(pattern_or_any())),
        "greeting" => At::Greeting,
        "ehlo" => At::Ehlo,
        "helo" => At::Helo,
        "starttls" => At::StartTls,
        "login" => At::Login,
        "data" => At::Data,
        "content" => At::Content,
        "end" => At::EndOfData,
        "kept" => At::Kept,
        "rset" => At::Rset,
        "noop" => At::Noop,
        "quit" => At::Quit,
        _ => return wrong(format!("there is no moment \"{name}\"; expected one of {MOMENTS}")),
    };
    match pattern {
        None => Ok(at),
        Some(_) => wrong(format!("\"{name}\" takes no pattern; only mail and rcpt do")),
    }
}

/// 1st, 2nd, 3rd, 4th: from 1, with any of the four endings.
fn nth(word: &str) -> Option<u64> {
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending))?;
    digits.parse().ok().filter(|nth| *nth > 0)
}

fn act(text: &str) -> Result<Act, WrongRule> {
    let (verb, argument) = first_word(text);
    match (verb, argument) {
        ("reply", text) => Ok(Act::Reply(reply(text)?)),
        ("drip", text) => {
            let (pause, text) = first_word(text);
            Ok(Act::Drip { pause: seconds(pause)?, reply: reply(text)? })
        }
        ("garbage", text) => Ok(Act::Garbage(format!("{text}\r\n").into_bytes())),
        ("endless", text) => Ok(Act::Endless(code(text)?)),
        ("stall", "") => Ok(Act::Stall(Wait::Until(Gate::closed()))),
        ("stall", text) => Ok(Act::Stall(Wait::For(seconds(text)?))),
        ("hangup", "") => Ok(Act::HangUp),
        ("reset", "") => Ok(Act::Reset),
        ("hangup" | "reset", _) => wrong(format!("nothing may follow \"{verb}\"")),
        ("", _) => wrong(format!("what to do is missing; expected one of {ACTS}")),
        _ => wrong(format!("there is no act \"{verb}\"; expected one of {ACTS}")),
    }
}

fn reply(text: &str) -> Result<String, WrongRule> {
    let code_word = text.split([' ', '-', '\\']).next().unwrap_or_default();
    code(code_word)?;
    Ok(text.replace("\\n", "\n"))
}

fn code(text: &str) -> Result<u16, WrongRule> {
    match text.parse() {
        Ok(code @ 200..=599) if text.len() == 3 => Ok(code),
        _ => wrong(format!(
            "\"{text}\" is no reply code: a reply begins with three digits, as in \"452 4.3.1 disk full\""
        )),
    }
}

fn seconds(text: &str) -> Result<Duration, WrongRule> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.map_or_else(|| wrong(format!("\"{text}\" is no number of seconds")), Ok)
}

#[cfg(test)]
mod tests {
    use super::{ACTS, Act, At, Duration, MOMENTS, Rule, Wait};

    fn rule(text: &str) -> Rule {
        text.parse().unwrap()
    }

    #[test]
    fn rules_read_well() {
        let reply = |text: &str| Act::Reply(text.to_owned());
        let any = || "*".to_owned();
        for (text, at, nth, act) in [
            ("greeting reply 421 bye", At::Greeting, None, reply("421 bye")),
            ("rcpt:bad*@* reply 550 no", At::Recipient("bad*@*".to_owned()), None, reply("550 no")),
            ("rcpt reply 550-a\\nb", At::Recipient(any()), None, reply("550-a\nb")),
            ("mail 2nd hangup", At::Sender(any()), Some(2), Act::HangUp),
            ("  data   11th   reset ", At::Data, Some(11), Act::Reset),
            ("quit garbage so long", At::Quit, None, Act::Garbage(b"so long\r\n".to_vec())),
            ("end endless 250", At::EndOfData, None, Act::Endless(250)),
            ("kept stall 0.5", At::Kept, None, Act::Stall(Wait::For(Duration::from_millis(500)))),
            (
                "ehlo drip 0.01 250 mx",
                At::Ehlo,
                None,
                Act::Drip { reply: "250 mx".to_owned(), pause: Duration::from_millis(10) },
            ),
        ] {
            let rule = rule(text);
            assert_eq!((rule.at, rule.nth, rule.act), (at, nth, act), "{text}");
        }
        assert!(matches!(rule("rset stall").act(), Act::Stall(Wait::Until(_))));
    }

    #[test]
    fn wrong_rules_are_told_what_is_wrong() {
        for (text, words) in [
            ("", "there is no moment \"\""),
            ("lunch hangup", "there is no moment \"lunch\"; expected one of greeting, ehlo"),
            ("data:x hangup", "\"data\" takes no pattern"),
            ("data", "what to do is missing; expected one of reply, drip"),
            ("data 2nd", "what to do is missing"),
            ("data 0th hangup", "there is no act \"0th\""),
            ("data sulk", "there is no act \"sulk\""),
            ("data reply", "\"\" is no reply code"),
            ("data reply hello", "\"hello\" is no reply code"),
            ("data reply 1000 x", "\"1000\" is no reply code"),
            ("data endless 99", "\"99\" is no reply code"),
            ("data drip 250 ok", "\"ok\" is no reply code"),
            ("data stall long", "\"long\" is no number of seconds"),
            ("data stall -1", "\"-1\" is no number of seconds"),
            ("data reset now", "nothing may follow \"reset\""),
        ] {
            let error = text.parse::<Rule>().unwrap_err().to_string();
            assert!(error.starts_with(words), "{text}: {error}");
        }
    }

    #[test]
    fn the_language_names_every_word() {
        for word in MOMENTS.split(", ").chain(ACTS.split(", ")) {
            assert!(Rule::LANGUAGE.contains(word), "{word}");
        }
        for moment in MOMENTS.split(", ") {
            rule(&format!("{moment} hangup"));
        }
    }
}
