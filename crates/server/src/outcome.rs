//! The outcome of a message: one for each recipient, and the state that follows from them.

pub use smtp_submission::RecipientStatus;

use smtp_submission::Phase;

use crate::address::Address;

/// The outcome for one recipient, with the server's reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientOutcome {
    /// The recipient.
    pub address: Address,
    /// The status.
    pub status: RecipientStatus,
    /// The phase in which it was decided.
    pub phase: Phase,
    /// What happened and what to do next, in one line. Empty if accepted.
    pub reason: String,
    /// The server's reply code, if there is one.
    pub code: Option<u16>,
    /// The enhanced status code (RFC 3463), if there is one.
    pub enhanced_code: Option<String>,
    /// The server's text, safe to display; untrusted.
    pub reply: Option<String>,
    /// The server that decided it, or that is being tried.
    pub server: Option<ServerId>,
    /// Rejected because the message was cancelled, not by a server.
    pub is_withdrawn: bool,
}

/// A server, as results name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerId {
    /// Its name in the configuration.
    pub name: String,
    /// Host.
    pub host: String,
}

/// The state of a message. It follows from the statuses of its recipients, except that it may be held or being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// A person must approve it.
    Held,
    /// It waits for an attempt.
    Queued,
    /// An attempt is under way.
    Sending,
    /// At least one copy may or may not have been sent, and no other waits.
    Unknown,
    /// Every recipient accepted.
    Sent,
    /// Some accepted, some refused.
    Partial,
    /// None accepted.
    Refused,
    /// It was withdrawn before anyone got it.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Held,
        Self::Queued,
        Self::Sending,
        Self::Unknown,
        Self::Sent,
        Self::Partial,
        Self::Refused,
        Self::Cancelled,
    ];

    /// Its name in results and in the outbox.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Sent => "sent",
            Self::Partial => "partial",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing happens to the message any more unless someone asks for it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Partial | Self::Refused | Self::Cancelled)
    }

    /// The state of a message that no attempt is under way for.
    pub fn of(statuses: impl IntoIterator<Item = RecipientStatus>) -> Self {
        let (mut accepted, mut rejected, mut is_unknown) = (false, false, false);
        for status in statuses {
            match status {
                RecipientStatus::TryNext | RecipientStatus::Deferred => return Self::Queued,
                RecipientStatus::Unknown => is_unknown = true,
                RecipientStatus::Accepted => accepted = true,
                RecipientStatus::Rejected => rejected = true,
            }
        }
        match (is_unknown, accepted, rejected) {
            (true, _, _) => Self::Unknown,
            (_, true, false) => Self::Sent,
            (_, true, true) => Self::Partial,
            (_, false, _) => Self::Refused,
        }
    }
}

impl RecipientOutcome {
    /// A recipient that no server was tried for.
    pub fn open(address: Address) -> Self {
        Self {
            address,
            status: RecipientStatus::TryNext,
            phase: Phase::Connect,
            reason: String::new(),
            code: None,
            enhanced_code: None,
            reply: None,
            server: None,
            is_withdrawn: false,
        }
    }
}
