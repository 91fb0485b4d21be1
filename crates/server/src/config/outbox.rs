//! Where messages are kept, and what identifies the account that sends them.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::ServerConfig;
use crate::address::Address;

/// Where messages are kept until they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxLocation {
    /// In this SQLite file.
    File(PathBuf),
    /// In memory: they end with the process.
    Memory,
}

/// What an unknown outcome leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// A person decides.
    #[default]
    Manual,
    /// The same message is sent again.
    Retry,
    /// It counts as sent.
    AssumeSent,
}

/// An account: who logs in where. A message is sent by the accounts that were configured for it, whichever process has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(pub [u8; 32]);

impl OutboxLocation {
    /// The file in the directory for the program's state.
    pub(super) fn in_state_dir(state_dir: &std::path::Path) -> Self {
        Self::File(state_dir.join("outbox").join("outbox.db"))
    }

    /// As it is set.
    pub fn word(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Memory => "memory".to_owned(),
        }
    }
}

impl OnUnknown {
    const ALL: [Self; 3] = [Self::Manual, Self::Retry, Self::AssumeSent];

    /// As it is set and stored.
    pub fn word(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Retry => "retry",
            Self::AssumeSent => "assume_sent",
        }
    }

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

impl Account {
    /// The same account, as it sends to `to` alone.
    pub(super) fn redirected(self, to: &Address) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(to.to_string().as_bytes());
        Self(hash.finalize().into())
    }
}

impl ServerConfig {
    /// Its account.
    pub fn account(&self) -> Account {
        let mut hash = Sha256::new();
        for field in [&self.host.to_ascii_lowercase(), self.username.as_deref().unwrap_or_default()] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
        hash.update(self.port.to_be_bytes());
        Account(hash.finalize().into())
    }
}
