//! Patterns of recipients, compared after normalising both sides.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use crate::address::Address;

/// Recipients that a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientPattern {
    /// One address, and its local part as it is compared.
    Address(Address, String),
    /// `*@domain`: every address of this domain (A-labels, lower case).
    Domain(String),
    /// `*.domain`: every address of a subdomain, not of the domain itself.
    Subdomains(String),
    /// `*`, written out: everybody.
    Any,
}

/// A recipient, as it is compared with any number of patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient<'a> {
    local: String,
    domain: &'a str,
}

impl<'a> Recipient<'a> {
    /// `address` as it is compared.
    pub fn of(address: &'a Address) -> Self {
        Self { local: comparable(address.local()), domain: address.domain() }
    }

    /// Whether the local part may name another mailbox: `eve%evil.example@relay.example` or `evil.example!eve@relay.example`. A server
    /// of `relay.example` may send it on to `eve@evil.example` (Postfix does by default, for clients that may relay).
    pub fn may_be_routed(&self) -> bool {
        self.local.contains(['%', '!', '@'])
    }
}

impl RecipientPattern {
    /// Parses an address, `*@domain`, `*.domain` or `*`.
    ///
    /// # Errors
    /// Why it is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let domain = |domain: &str| {
            let any = Address::parse(&format!("any@{domain}")).map_err(|error| error.reason)?;
            Ok(any.domain().to_ascii_lowercase())
        };
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(rest) = text.strip_prefix("*@") {
            return domain(rest).map(Self::Domain);
        }
        if let Some(rest) = text.strip_prefix("*.") {
            return domain(rest).map(Self::Subdomains);
        }
        if text.contains('*') {
            return Err("a * stands for a whole address or for everything before a domain: *@example.org, *.example.org".to_owned());
        }
        let address = Address::parse(text).map_err(|error| error.reason)?;
        let local = comparable(address.local());
        Ok(Self::Address(address, local))
    }

    /// Whether it is about `recipient`.
    pub fn matches(&self, recipient: &Recipient<'_>) -> bool {
        match self {
            Self::Address(address, local) => {
                address.domain() == recipient.domain && *local == recipient.local
            }
            Self::Domain(domain) => domain == recipient.domain,
            Self::Subdomains(domain) => recipient
                .domain
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            Self::Any => true,
        }
    }

    /// Whether it is the recipient itself, written out.
    pub fn is_address(&self) -> bool {
        matches!(self, Self::Address(..))
    }

    /// The pattern, masked for display.
    pub fn masked(&self) -> String {
        match self {
            Self::Address(address, _) => address.masked(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for RecipientPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address, _) => address.fmt(f),
            Self::Domain(domain) => write!(f, "*@{domain}"),
            Self::Subdomains(domain) => write!(f, "*.{domain}"),
            Self::Any => f.write_str("*"),
        }
    }
}

/// A local part as most servers deliver it: quotes make no difference (RFC 5321, section 4.1.2), and neither does case nor the form in
/// which a letter is written. A sub-address is another address.
fn comparable(local: &str) -> String {
    let quoted = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let bare = match quoted {
        None => local.to_owned(),
        Some(quoted) => {
            let mut chars = quoted.chars();
            let mut bare = String::new();
            while let Some(c) = chars.next() {
                bare.extend(if c == '\\' { chars.next() } else { Some(c) });
            }
            bare
        }
    };
    bare.nfc().flat_map(char::to_lowercase).nfc().collect()
}
