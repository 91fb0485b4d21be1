//! Secrets: a type that cannot be printed or serialised.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

/// A password or token. It is never displayed, and comparing it takes the same time whatever differs.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// Whether `shown` is the secret. Digests are compared, so the time does not reveal where the two differ.
    pub fn is(&self, shown: &[u8]) -> bool {
        Sha256::digest(self.0.expose_secret()) == Sha256::digest(shown)
    }

    /// The secret, only to send it to the server.
    pub fn expose(&self) -> &SecretString {
        &self.0
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
