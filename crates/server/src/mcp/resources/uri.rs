//! The URIs of mails.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::ResourceContents;
use uuid::Uuid;

pub(super) const JSON: &str = "application/json";
pub(super) const EML: &str = "message/rfc822";

const PREFIX: &str = "mail://outbox/";
const SUFFIX: &str = ".eml";

/// The URI of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mcp) enum MailUri {
    /// `mail://outbox/ID`: its record.
    Record(Uuid),
    /// `mail://outbox/ID.eml`: the mail itself.
    Mail(Uuid),
}

impl MailUri {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix(PREFIX)?;
        match name.strip_suffix(SUFFIX) {
            Some(id) => Uuid::parse_str(id).ok().map(Self::Mail),
            None => Uuid::parse_str(name).ok().map(Self::Record),
        }
    }

    pub(super) fn id(self) -> Uuid {
        match self {
            Self::Record(id) | Self::Mail(id) => id,
        }
    }
}

impl fmt::Display for MailUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(id) => write!(f, "{PREFIX}{}", id.simple()),
            Self::Mail(id) => write!(f, "{PREFIX}{}{SUFFIX}", id.simple()),
        }
    }
}

/// A mail as the contents of the resource `uri`: as text where it is valid UTF-8.
pub(super) fn eml(uri: &str, bytes: Vec<u8>) -> ResourceContents {
    let contents = match String::from_utf8(bytes) {
        Ok(text) => ResourceContents::text(text, uri),
        Err(error) => ResourceContents::blob(STANDARD.encode(error.as_bytes()), uri),
    };
    contents.with_mime_type(EML)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_read_as_it_is_written() {
        let id = Uuid::from_u128(7);
        for uri in [MailUri::Record(id), MailUri::Mail(id)] {
            assert_eq!(MailUri::parse(&uri.to_string()), Some(uri));
        }
        assert_eq!(MailUri::parse(&format!("mail://outbox/{id}")), Some(MailUri::Record(id)));
        for other in [
            "",
            "mail://outbox/",
            "mail://outbox/x",
            "mail://inbox/7",
            "file:///etc/passwd",
            "mail://outbox/.eml",
        ] {
            assert_eq!(MailUri::parse(other), None, "{other}");
        }
    }
}
