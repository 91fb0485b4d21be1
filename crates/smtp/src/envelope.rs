//! The envelope: who sends, to whom. Data, apart from the bytes of the message.

use std::fmt;

/// A mailbox as it stands between `<` and `>` in MAIL and RCPT (RFC 5321, section 4.1.2; RFC 6531).
///
/// Nothing in it can end the command or begin another. Domains are expected in their ASCII form
/// (A-labels); a local part may be UTF-8 and then needs SMTPUTF8.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path(String);

/// Why a text is not a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not of the form local@domain.
    #[error("an address has the form local@domain")]
    Form,
    /// A control character, or a space or angle bracket outside quotes.
    #[error("an address holds no control character, and no space or angle bracket outside quotes")]
    Character,
    /// Longer than 254 bytes, or a local part longer than 64 (RFC 5321, section 4.5.3.1).
    #[error("an address has at most 254 bytes, 64 of them before the @")]
    Length,
}

/// Who sends, and to whom, in the order in which the recipients are put on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The reverse path. `None` is the null sender `<>`.
    pub sender: Option<Path>,
    /// The forward paths.
    pub recipients: Vec<Path>,
}

impl Path {
    /// Checks `text` (without angle brackets).
    ///
    /// # Errors
    /// The text could be read as anything but one mailbox.
    pub fn new(text: &str) -> Result<Self, PathError> {
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err(PathError::Form);
        };
        if local.is_empty() || domain.is_empty() {
            return Err(PathError::Form);
        }
        if text.len() > 254 || local.len() > 64 {
            return Err(PathError::Length);
        }
        let quoted = local.len() >= 2 && local.starts_with('"') && local.ends_with('"');
        let bad_local =
            |c: char| c.is_control() || (!quoted && matches!(c, ' ' | '<' | '>' | '"' | '\\' | '@'));
        let bad_domain = |c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"' | '\\' | '@');
        if local.contains(bad_local) || domain.contains(bad_domain) {
            return Err(PathError::Character);
        }
        if quoted && !closes_once(&local[1..local.len() - 1]) {
            return Err(PathError::Character);
        }
        Ok(Self(text.to_owned()))
    }

    /// The mailbox, without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it needs SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self.0.is_ascii()
    }
}

/// Whether the inside of a quoted string has every quote and backslash escaped.
fn closes_once(inside: &str) -> bool {
    let mut escaped = false;
    for c in inside.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            _ => {}
        }
    }
    !escaped
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Path, PathError};

    #[test]
    fn paths() {
        let long = format!("{}@x.org", "a".repeat(65));
        let wide = format!("a@{}", "x".repeat(253));
        for (text, wanted) in [
            ("ada@example.org", None),
            ("ü.b+c@xn--bcher-kva.example", None),
            ("\"a b\"@x.org", None),
            ("\"a\\\"@<b\"@x.org", None),
            ("a@[192.0.2.1]", None),
            ("a@[IPv6:::1]", None),
            ("ada", Some(PathError::Form)),
            ("@x.org", Some(PathError::Form)),
            ("a@", Some(PathError::Form)),
            ("a b@x.org", Some(PathError::Character)),
            ("a@b@x.org", Some(PathError::Character)),
            ("\"a\"b\"@x.org", Some(PathError::Character)),
            ("\"a\\\"@x.org", Some(PathError::Character)),
            ("a>@x.org", Some(PathError::Character)),
            ("a@x.org> SIZE=1", Some(PathError::Character)),
            ("a@x.org\r\nRSET", Some(PathError::Character)),
            ("a@bücher.example", Some(PathError::Character)),
            (long.as_str(), Some(PathError::Length)),
            (wide.as_str(), Some(PathError::Length)),
        ] {
            assert_eq!(Path::new(text).err(), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_path_can_end_its_command(local in "[\\PC\r\n\0\u{85}<>\"\\\\ @a]{0,12}", domain in "[\\PC\r\n\0<> .a]{0,8}") {
            if let Ok(path) = Path::new(&format!("{local}@{domain}")) {
                let text = path.as_str();
                prop_assert!(!text.chars().any(char::is_control));
                if !text.starts_with('"') {
                    prop_assert!(!text.contains([' ', '<', '>']));
                }
                let (_, host) = text.rsplit_once('@').unwrap();
                prop_assert!(host.chars().all(|c| c.is_ascii_graphic() && c != '<' && c != '>'));
            }
        }
    }
}
