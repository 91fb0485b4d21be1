//! The outcome of a message: one for each recipient, and the state that follows from them.

use std::time::Duration;

pub use smtp_submission::RecipientStatus;

use smtp_submission::Phase;

use crate::address::Address;

/// The outcome for one recipient, with the server's reply.
#[derive(Debug, Clone)]
pub struct RecipientOutcome {
    /// The recipient.
    pub address: Address,
    /// The status.
    pub status: RecipientStatus,
    /// The phase in which it was decided.
    pub phase: Phase,
    /// What happened and what to do next, in one line. Empty if accepted.
    pub words: String,
    /// The server's reply code, if there is one.
    pub code: Option<u16>,
    /// The enhanced status code (RFC 3463), if there is one.
    pub enhanced_code: Option<String>,
    /// The server's text, safe to display; untrusted.
    pub reply: Option<String>,
    /// The name of the server that decided it.
    pub server: Option<String>,
}

/// The outcome of a message.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// In the order of the message's recipients.
    pub recipients: Vec<RecipientOutcome>,
    /// The last server that accepted it, or else the last one tried: name and `host:port`.
    pub server: Option<(String, String)>,
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

impl Outcome {
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
