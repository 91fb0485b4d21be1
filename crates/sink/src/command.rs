//! The grammar of a command line (RFC 5321 section 4.1.1 and the extensions that add commands).

use crate::address;
use crate::reply::Reply;

/// A command with valid syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Ehlo,
    Helo,
    StartTls,
    Auth { mechanism: String, initial: Option<String> },
    Mail { path: String, parameters: Vec<Parameter> },
    Rcpt { path: String, parameters: Vec<Parameter> },
    Data,
    Bdat { size: u64, last: bool },
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
}

/// An ESMTP parameter; the keyword in upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) keyword: String,
    pub(crate) value: Option<String>,
}

/// Reads one line, without its CRLF.
///
/// # Errors
/// The reply to send: 500 for an unknown command, 501 for a wrong argument.
pub(crate) fn parse(line: &[u8]) -> Result<Command, Reply> {
    let Ok(line) = std::str::from_utf8(line) else {
        return Err(Reply::new(500, "5.5.2", "the line is not UTF-8"));
    };
    if line.chars().any(char::is_control) {
        return Err(Reply::new(500, "5.5.2", "control characters in a command"));
    }
    let line = line.trim_end_matches(' ');
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" => client_name(argument).map(|()| Command::Ehlo),
        "HELO" => client_name(argument).map(|()| Command::Helo),
        "STARTTLS" => alone(argument, Command::StartTls),
        "AUTH" => auth(argument),
        "MAIL" => mail(argument),
        "RCPT" => rcpt(argument),
        "DATA" => alone(argument, Command::Data),
        "BDAT" => bdat(argument),
        "RSET" => alone(argument, Command::Rset),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if argument.is_empty() => Err(wrong("VRFY needs an argument")),
        "VRFY" => Ok(Command::Vrfy),
        "QUIT" => alone(argument, Command::Quit),
        _ => Err(Reply::new(500, "5.5.2", "unknown command")),
    }
}

fn wrong(text: &str) -> Reply {
    Reply::new(501, "5.5.4", text)
}

fn alone(argument: &str, command: Command) -> Result<Command, Reply> {
    match argument {
        "" => Ok(command),
        _ => Err(wrong("this command takes no argument")),
    }
}

fn client_name(argument: &str) -> Result<(), Reply> {
    match address::is_domain(argument) && argument.is_ascii() {
        true => Ok(()),
        false => Err(wrong("a host name or an address literal must follow")),
    }
}

fn auth(argument: &str) -> Result<Command, Reply> {
    let mut words = argument.split(' ');
    match (words.next(), words.next(), words.next()) {
        (None | Some(""), ..) | (_, Some(""), _) | (.., Some(_)) => {
            Err(wrong("AUTH mechanism [initial response]"))
        }
        (Some(mechanism), initial, None) => Ok(Command::Auth {
            mechanism: mechanism.to_ascii_uppercase(),
            initial: initial.map(str::to_owned),
        }),
    }
}

fn mail(argument: &str) -> Result<Command, Reply> {
    let syntax = || wrong("MAIL FROM:<path> [parameters]");
    let (path, rest) = path_behind("FROM:", argument).ok_or_else(syntax)?;
    if !path.is_empty() && !address::is_mailbox(path) {
        return Err(Reply::new(501, "5.1.7", "this is not a reverse path"));
    }
    Ok(Command::Mail { path: path.to_owned(), parameters: parameters(rest)? })
}

fn rcpt(argument: &str) -> Result<Command, Reply> {
    let syntax = || wrong("RCPT TO:<path> [parameters]");
    let (path, rest) = path_behind("TO:", argument).ok_or_else(syntax)?;
    if !path.eq_ignore_ascii_case("postmaster") && !address::is_mailbox(path) {
        return Err(Reply::new(501, "5.1.3", "this is not a forward path"));
    }
    Ok(Command::Rcpt { path: path.to_owned(), parameters: parameters(rest)? })
}

/// No space may stand between the colon and the path (RFC 5321 section 3.3).
fn path_behind<'a>(word: &str, argument: &'a str) -> Option<(&'a str, &'a str)> {
    let found = argument.get(..word.len())?;
    match found.eq_ignore_ascii_case(word) {
        true => address::split_path(&argument[word.len()..]),
        false => None,
    }
}

fn parameters(rest: &str) -> Result<Vec<Parameter>, Reply> {
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let Some(rest) = rest.strip_prefix(' ') else {
        return Err(wrong("a space must follow the path"));
    };
    let list: Vec<Parameter> =
        rest.split(' ').map(parameter).collect::<Option<_>>().ok_or_else(|| wrong("a wrong parameter"))?;
    let twice = |(at, one): (usize, &Parameter)| list[..at].iter().any(|other| other.keyword == one.keyword);
    match list.iter().enumerate().any(twice) {
        true => Err(wrong("a parameter appears twice")),
        false => Ok(list),
    }
}

fn parameter(text: &str) -> Option<Parameter> {
    let (keyword, value) = match text.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (text, None),
    };
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let keyword_fits = !keyword.is_empty() && !keyword.starts_with('-') && letters(keyword);
    let value_fits = value.is_none_or(|value| !value.is_empty() && !value.contains('='));
    (keyword_fits && value_fits)
        .then(|| Parameter { keyword: keyword.to_ascii_uppercase(), value: value.map(str::to_owned) })
}

fn bdat(argument: &str) -> Result<Command, Reply> {
    let (size, last) = match argument.split_once(' ') {
        Some((size, word)) if word.eq_ignore_ascii_case("LAST") => (size, true),
        Some(_) => return Err(wrong("BDAT size [LAST]")),
        None => (argument, false),
    };
    match size.bytes().all(|byte| byte.is_ascii_digit()).then(|| size.parse()) {
        Some(Ok(size)) => Ok(Command::Bdat { size, last }),
        _ => Err(wrong("BDAT size [LAST]")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, parse};

    #[test]
    fn good_lines() {
        let table: [(&str, Command); 6] = [
            ("ehlo client.example", Command::Ehlo),
            ("HELO [127.0.0.1]", Command::Helo),
            ("quit ", Command::Quit),
            ("NOOP anything", Command::Noop),
            ("BDAT 86 last", Command::Bdat { size: 86, last: true }),
            ("AUTH plain =", Command::Auth { mechanism: "PLAIN".to_owned(), initial: Some("=".to_owned()) }),
        ];
        for (line, command) in table {
            assert_eq!(parse(line.as_bytes()), Ok(command), "{line}");
        }
    }

    #[test]
    fn mail_with_parameters() {
        let Ok(Command::Mail { path, parameters }) =
            parse("MAIL from:<søren@x.org> size=12 SMTPUTF8".as_bytes())
        else {
            panic!("not understood");
        };
        assert_eq!(path, "søren@x.org");
        assert_eq!(parameters[0].keyword, "SIZE");
        assert_eq!(parameters[0].value.as_deref(), Some("12"));
        assert_eq!(parameters[1].value, None);
    }

    #[test]
    fn wrong_lines() {
        let table: [(&[u8], u16); 17] = [
            (b"", 500),
            (b"FROB", 500),
            (b"EHL\xff", 500),
            (b"NOOP a\rb", 500),
            (b"EHLO", 501),
            (b"EHLO a b", 501),
            (b"DATA now", 501),
            (b"STARTTLS now", 501),
            (b"AUTH", 501),
            (b"MAIL FROM: <a@b>", 501),
            (b"MAIL FROM:a@b", 501),
            (b"MAIL FROM:<a@b>SIZE=1", 501),
            (b"MAIL FROM:<a@b> SIZE=1 SIZE=2", 501),
            (b"RCPT TO:<>", 501),
            (b"RCPT TO:<a@b,c@d>", 501),
            (b"BDAT x", 501),
            (b"VRFY", 501),
        ];
        for (line, code) in table {
            let answer = parse(line).map_err(|reply| reply.code);
            assert_eq!(answer, Err(code), "{}", String::from_utf8_lossy(line));
        }
    }
}
