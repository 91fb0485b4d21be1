//! What became of a message: one outcome for each recipient, and the state that follows from them.

use std::time::Duration;

use smtp_submission::Phase;

use crate::address::Address;

/// What became of one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// A server took responsibility.
    Accepted,
    /// Refused for good, or not possible.
    Refused,
    /// Not possible now.
    Later,
    /// Nobody can know.
    Unknown,
}

/// One recipient's end, with the server's own words.
#[derive(Debug, Clone)]
pub struct RecipientOutcome {
    /// Who.
    pub address: Address,
    /// What became of the copy.
    pub fate: Fate,
    /// Where it was decided.
    pub phase: Phase,
    /// What happened and what to do next, one line. Empty where the copy was accepted.
    pub words: String,
    /// The server's reply code, where it gave one.
    pub code: Option<u16>,
    /// The enhanced status code (RFC 3463), where it gave one.
    pub enhanced_code: Option<String>,
    /// The server's text, made safe to show; untrusted.
    pub reply: Option<String>,
    /// The name of the server that decided it.
    pub server: Option<String>,
}

/// What became of a message.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// In the order of the message's recipients.
    pub recipients: Vec<RecipientOutcome>,
    /// The server that accepted it last, or else was tried last: name and `host:port`.
    pub server: Option<(String, String)>,
    /// From the call to the end.
    pub duration: Duration,
}

/// A message's state, as `docs` and results name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Every recipient accepted.
    Sent,
    /// Some accepted, some refused.
    Partial,
    /// None accepted.
    Refused,
    /// Somebody's copy may or may not have been sent.
    Unknown,
}

impl State {
    /// The word for it.
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
    /// The state that follows from the recipients' fates. Nothing is kept, so what could only be sent later counts as refused.
    pub fn state(&self) -> State {
        let any = |fates: &[Fate]| self.recipients.iter().any(|recipient| fates.contains(&recipient.fate));
        match () {
            () if any(&[Fate::Unknown]) => State::Unknown,
            () if !any(&[Fate::Accepted]) => State::Refused,
            () if any(&[Fate::Refused, Fate::Later]) => State::Partial,
            () => State::Sent,
        }
    }
}
