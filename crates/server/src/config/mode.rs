//! Where messages go: to their recipients, or nowhere near them.

use crate::address::Address;

use super::{Account, Config, ServerConfig};

/// Where messages go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// To their recipients.
    #[default]
    Live,
    /// Nowhere.
    DryRun,
    /// All to one address.
    Redirect,
    /// Into files.
    Capture,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Live, Self::DryRun, Self::Redirect, Self::Capture];

    /// As it is set, and its name in results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::DryRun => "dry_run",
            Self::Redirect => "redirect",
            Self::Capture => "capture",
        }
    }

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

impl Config {
    /// Who gets every message in place of its recipients.
    pub fn redirect(&self) -> Option<&Address> {
        self.redirect_to.as_ref().filter(|_| self.mode == Mode::Redirect)
    }

    /// The account as which `server` sends in this mode. What was taken in another mode is of another account, so that a test never
    /// sends what was meant to be sent, nor the other way round. `None`: nothing is sent.
    pub fn account(&self, server: &ServerConfig) -> Option<Account> {
        match self.mode {
            Mode::Live => Some(server.account()),
            Mode::Redirect => self.redirect_to.as_ref().map(|to| server.account().redirected(to)),
            Mode::DryRun | Mode::Capture => None,
        }
    }

    /// Whether a message to these recipients may be sent in this mode.
    pub fn permits(&self, recipients: &[Address]) -> bool {
        match self.mode {
            Mode::Live => true,
            Mode::Redirect => recipients.iter().all(|recipient| Some(recipient) == self.redirect_to.as_ref()),
            Mode::DryRun | Mode::Capture => false,
        }
    }

    /// The accounts whose messages this program sends.
    pub fn accounts(&self) -> Vec<Account> {
        let servers = self.servers.iter().filter(|_| !self.tools.read_only);
        servers.filter_map(|server| self.account(server)).collect()
    }
}
