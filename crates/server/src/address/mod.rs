//! Strict addresses: one mailbox that can be read in only one way (RFC 5321, 5322, 6531, IDNA 2008).

pub mod character;
mod grammar;
mod host;
mod idna2008;
mod list;
mod parse;
mod punctuation;
mod reason;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use list::{parse_list, parse_mailboxes};

/// An addr-spec in its wire form: the domain in A-labels or a literal, lower case; the local part as given.
///
/// Two are equal when they name the same mailbox: domains ignoring case, local parts exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    local: String,
    domain: String,
}

/// An address with an optional display name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// The display name, decoded, without quotes.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// A text that may quote addresses, for a log: of each only the domain is left.
pub fn without_addresses(text: &str) -> String {
    let masked = |word: &str| match word.rsplit_once('@') {
        Some((_, domain)) => format!("***@{domain}"),
        None => word.to_owned(),
    };
    text.split_inclusive(char::is_whitespace).map(masked).collect()
}

/// Why a text is not an address: the text as given (only for the caller who gave it) and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", character::quoted(.given))]
pub struct AddressError {
    /// The text as given.
    pub given: String,
    /// Why it is refused, for people.
    pub reason: String,
}

impl Address {
    /// Parses one bare address, such as `ada@example.org`.
    ///
    /// # Errors
    /// The text could be read as anything but one address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let mailbox = Mailbox::parse(text)?;
        if mailbox.name.is_some() || text.contains('<') {
            return Err(AddressError {
                given: text.to_owned(),
                reason: "expected a bare address, without a name and without < >".to_owned(),
            });
        }
        Ok(mailbox.address)
    }

    /// The local part, as on the wire.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain, as on the wire: A-labels, or a literal in brackets.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether it needs SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.is_ascii()
    }

    /// The masked form for logs and status: `a***@example.org`.
    pub fn masked(&self) -> String {
        let first: String = self.local.chars().take(1).collect();
        format!("{first}***@{}", self.domain)
    }
}

impl Mailbox {
    /// Parses one mailbox: `ada@example.org` or `Ada <ada@example.org>`.
    ///
    /// # Errors
    /// The text could be read as anything but one mailbox.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let given = text.trim_matches(' ');
        parse::mailbox(given)
            .map_err(|reason| AddressError { given: given.to_owned(), reason: reason.into_owned() })
    }
}

/// As its wire form, which is parsed again when it is read.
impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Address {
    /// The whole address, for the wire and for the caller's own answer; never for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}
