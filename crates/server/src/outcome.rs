//! The outcome of a message: one for each recipient, and the state that follows from them.

use std::time::Duration;

pub use smtp_submission::RecipientStatus;

use serde::{Deserialize, Serialize};
use smtp_submission::Phase;

use crate::address::Address;
use crate::stored::{StoredError, from_json, to_json};

/// The outcome for one recipient, with the server's reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// A server, as results name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerId {
    /// Its name in the configuration.
    pub name: String,
    /// Host.
    pub host: String,
}

/// The outcome of a message.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// In the order of the message's recipients.
    pub recipients: Vec<RecipientOutcome>,
    /// From the call to the outcome.
    pub duration: Duration,
}

/// The state of a message, as results name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Every recipient accepted.
    Sent,
    /// Some accepted, some refused.
    Partial,
    /// None accepted.
    Refused,
    /// At least one copy may or may not have been sent.
    Unknown,
}

impl State {
    /// Its name in results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Partial => "partial",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl RecipientOutcome {
    /// The form in which it is stored.
    pub fn to_stored(&self) -> String {
        to_json(self)
    }

    /// The outcome that was stored.
    ///
    /// # Errors
    /// It is of another version, or damaged.
    pub fn from_stored(stored: &str) -> Result<Self, StoredError> {
        from_json(stored)
    }

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
        }
    }
}

impl Outcome {
    /// A server that accepted it, or else the last one tried.
    pub fn server(&self) -> Option<&ServerId> {
        let accepted = |recipient: &&RecipientOutcome| recipient.status == RecipientStatus::Accepted;
        let recipients = || self.recipients.iter().rev();
        let decided_by =
            recipients().find(accepted).or_else(|| recipients().find(|one| one.server.is_some()));
        decided_by?.server.as_ref()
    }

    /// The state that follows from the recipients' statuses. Nothing is kept, so a deferred recipient counts as refused.
    pub fn state(&self) -> State {
        let any = |statuses: &[RecipientStatus]| {
            self.recipients.iter().any(|recipient| statuses.contains(&recipient.status))
        };
        match () {
            () if any(&[RecipientStatus::Unknown]) => State::Unknown,
            () if !any(&[RecipientStatus::Accepted]) => State::Refused,
            () if any(&[RecipientStatus::Rejected, RecipientStatus::Deferred]) => State::Partial,
            () => State::Sent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let open = RecipientOutcome::open(Address::parse("ada@x.org").unwrap());
        let rejected = RecipientOutcome {
            status: RecipientStatus::Rejected,
            phase: Phase::EndOfData,
            reason: "no".to_owned(),
            code: Some(550),
            enhanced_code: Some("5.7.1".to_owned()),
            reply: Some("spam".to_owned()),
            server: Some(ServerId { name: "primary".to_owned(), host: "mail.x.org".to_owned() }),
            ..open.clone()
        };
        for outcome in [open, rejected] {
            assert_eq!(RecipientOutcome::from_stored(&outcome.to_stored()).unwrap(), outcome);
        }
    }
}
