//! Message-IDs given by a caller: missing angle brackets are added.

use parse_net::mail::parse_msg_id;

use super::args::References;
use crate::address::character;

/// A Message-ID in angle brackets (RFC 5322, section 3.6.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(String);

impl MessageId {
    /// Parses one Message-ID, with or without its angle brackets.
    ///
    /// # Errors
    /// The text is not of the form `<left@right>` in printable ASCII, or too long for a header line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_matches(' ');
        let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        let id = format!("<{bare}>");
        let plain = bare.is_ascii() && bare.len() <= 900 && !bare.contains("=?");
        match parse_msg_id(id.as_bytes()) {
            Ok(_) if plain => Ok(Self(id)),
            _ => Err(format!(
                "{} is not a Message-ID: expected <left@right> without spaces",
                character::quoted(text)
            )),
        }
    }

    /// The id, in angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Parses the ids of a thread: an array, or one space-separated string. All errors are returned at once.
pub(super) fn parse_references(given: &References) -> Result<Vec<MessageId>, Vec<String>> {
    let texts: Vec<&str> = match given {
        References::One(text) => text.split(' ').filter(|part| !part.is_empty()).collect(),
        References::Many(texts) => texts.iter().map(String::as_str).collect(),
    };
    let (ids, problems): (Vec<_>, Vec<_>) = texts.into_iter().map(MessageId::parse).partition(Result::is_ok);
    if problems.is_empty() {
        Ok(ids.into_iter().flatten().collect())
    } else {
        Err(problems.into_iter().filter_map(Result::err).collect())
    }
}
