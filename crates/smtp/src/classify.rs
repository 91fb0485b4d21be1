//! What a failure means: one pure function and its result types.
//!
//! The table it follows is `docs/failures.md`; a test walks every row.

use crate::certificate::is_lasting;
use crate::{Error, ErrorKind, Phase, Reply};

/// The status of the recipients concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum RecipientStatus {
    /// The server took responsibility for the message.
    Accepted,
    /// Another server may try. A delivery that has no other turns it into deferred or rejected.
    TryNext,
    /// No server took it now; one may take it later.
    Deferred,
    /// Rejected permanently: no server should be tried again.
    Rejected,
    /// It cannot be known whether the server accepted it. Never sent again unless someone decides so.
    Unknown,
}

/// What it means for the server's health, the weakest impact first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthImpact {
    /// It says nothing about the server.
    None,
    /// It works.
    Healthy,
    /// It announced that it is closing (421): the shortest back-off.
    BriefFailure,
    /// It failed: back-off.
    Failure,
    /// It refused the login: no mail and no recovery check until the configuration changes or a login succeeds.
    AuthFailure,
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classification {
    /// The recipients' status. It is never [`RecipientStatus::Deferred`]: whether another server is left is for the
    /// caller to know.
    pub status: RecipientStatus,
    /// The server's health.
    pub health: HealthImpact,
    /// Whether the same server may take the message later. If not, and there is no other, the recipients are rejected.
    pub is_retryable: bool,
}

/// Classifies what happened in `phase`.
pub fn classify(phase: Phase, kind: &ErrorKind) -> Classification {
    let (status, health) = status_and_health(phase, kind);
    let is_retryable = health != HealthImpact::AuthFailure && !needs_a_person(kind);
    Classification { status, health, is_retryable }
}

impl Error {
    /// What it means for recipients and server.
    pub fn classify(&self) -> Classification {
        classify(self.phase, &self.kind)
    }
}

/// Whether only other settings, another server or another message help.
fn needs_a_person(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::NoCredentials(error) if error.is_permanent)
        || matches!(kind, ErrorKind::Tls(error) if is_lasting(error))
        || matches!(
            kind,
            ErrorKind::StartTlsMissing
                | ErrorKind::NotTls
                | ErrorKind::Certificate(_)
                | ErrorKind::ServerName
                | ErrorKind::NoMechanism(_)
                | ErrorKind::PlaintextLogin
                | ErrorKind::TooLarge { .. }
                | ErrorKind::NeedsSmtpUtf8
                | ErrorKind::Needs8BitMime
        )
}

fn status_and_health(phase: Phase, kind: &ErrorKind) -> (RecipientStatus, HealthImpact) {
    use HealthImpact::{AuthFailure, BriefFailure, Failure, Healthy};
    use RecipientStatus::{Accepted, Rejected, TryNext, Unknown};

    match (phase, kind) {
        (_, ErrorKind::Cancelled | ErrorKind::Busy(_) | ErrorKind::Paced(_) | ErrorKind::OutOfFiles(_)) => {
            (TryNext, HealthImpact::None)
        }
        (_, ErrorKind::TooManyRecipients(_) | ErrorKind::RefusesExtension(..) | ErrorKind::AllOrNothing) => {
            (TryNext, HealthImpact::None)
        }
        (_, ErrorKind::LineEnds) => (Rejected, HealthImpact::None),
        (_, ErrorKind::TooLarge { .. } | ErrorKind::NeedsSmtpUtf8 | ErrorKind::Needs8BitMime) => {
            (TryNext, HealthImpact::None)
        }
        (_, ErrorKind::ClosedBefore | ErrorKind::Reply(Reply { code: 421, .. })) => (TryNext, BriefFailure),
        (Phase::Connect | Phase::Greeting | Phase::Hello | Phase::Tls, _) => (TryNext, Failure),
        (Phase::Auth, ErrorKind::Reply(Reply { code: 530 | 534 | 535, .. }))
        | (Phase::Mail, ErrorKind::Reply(Reply { code: 530, .. })) => (TryNext, AuthFailure),
        (Phase::Auth, _) => (TryNext, Failure),
        (Phase::Mail | Phase::Data, ErrorKind::Reply(reply)) if reply.is_permanent() => {
            (Rejected, HealthImpact::None)
        }
        (Phase::Mail | Phase::Data, ErrorKind::Reply(reply)) if reply.is_transient() => {
            (TryNext, HealthImpact::None)
        }
        (Phase::Rcpt, ErrorKind::Reply(reply)) if reply.is_permanent() => (Rejected, HealthImpact::None),
        (Phase::Rcpt, ErrorKind::Reply(reply)) if reply.is_transient() => (TryNext, HealthImpact::None),
        (Phase::EndOfData, ErrorKind::Reply(reply)) if reply.is_positive() => (Accepted, Healthy),
        (Phase::EndOfData, ErrorKind::Reply(reply)) if reply.is_permanent() => (Rejected, HealthImpact::None),
        (Phase::EndOfData, ErrorKind::Reply(reply)) if reply.is_transient() => (TryNext, HealthImpact::None),
        (Phase::EndOfData, _) => (Unknown, Failure),
        (Phase::Mail | Phase::Rcpt | Phase::Data, _) => (TryNext, Failure),
    }
}

#[cfg(test)]
mod tests;
