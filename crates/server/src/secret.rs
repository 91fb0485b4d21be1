//! Secrets: a type that cannot be printed or serialised.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq as _;

/// A password or token, or what may be one. It is never displayed, comparing it takes the same time whatever differs, and clones
/// share it: however many there are, it is in memory once.
#[derive(Clone)]
pub struct Secret(Arc<SecretString>);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: String) -> Self {
        Self(Arc::new(text.into()))
    }

    /// A part of the secret: the same one, if the part is all of it.
    pub fn part(&self, part: &str) -> Self {
        if part.len() == self.text().len() { self.clone() } else { part.into() }
    }

    /// The secret as text.
    pub fn text(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether `shown` is the secret, in a time that does not reveal where the two differ.
    pub fn is(&self, shown: &[u8]) -> bool {
        self.text().as_bytes().ct_eq(shown).into()
    }

    /// The secret, only to send it to the server.
    pub fn expose(&self) -> &Arc<SecretString> {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
