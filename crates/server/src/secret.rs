//! Secrets: a type that cannot be printed or serialised.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

/// A password or token. It is shown nowhere; comparing two tells only whether they are equal.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Keeps `text` as a secret.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// Whether `shown` is the secret. How long that takes tells nothing of where the two differ: their digests are compared.
    pub fn is(&self, shown: &[u8]) -> bool {
        Sha256::digest(self.0.expose_secret()) == Sha256::digest(shown)
    }

    /// The secret, for the one place that sends it to the server.
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
