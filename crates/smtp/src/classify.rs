//! What a failure means: one pure function and its result types.
//!
//! The table it follows is `docs/failures.md`; a test walks every row.

use crate::{ErrorKind, Phase, Reply};

/// The status of the recipients concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecipientStatus {
    /// The server took responsibility for the message.
    Accepted,
    /// Another server may try.
    TryNext,
    /// No server is left: try again later.
    Deferred,
    /// Rejected permanently: no server should be tried again.
    Rejected,
    /// It cannot be known whether the server accepted it. Never sent again unless someone decides so.
    Unknown,
}

/// What it means for the server's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthImpact {
    /// It works.
    Healthy,
    /// It says nothing about the server.
    None,
    /// It failed: back-off.
    Failure,
    /// It announced that it is closing (421): the shortest back-off.
    BriefFailure,
    /// It refused the login: no mail and no recovery check until the configuration changes or a login succeeds.
    AuthFailure,
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classification {
    /// The recipients' status.
    pub status: RecipientStatus,
    /// The server's health.
    pub health: HealthImpact,
}

/// Classifies what happened in `phase`. `another`: whether another server is left to try.
pub fn classify(phase: Phase, kind: &ErrorKind, another: bool) -> Classification {
    let Classification { status, health } = status_of(phase, kind);
    let status = match status {
        RecipientStatus::TryNext if !another => without_another_server(kind),
        other => other,
    };
    Classification { status, health }
}

/// The status when no other server is left: rejected if waiting cannot help, else deferred.
fn without_another_server(kind: &ErrorKind) -> RecipientStatus {
    match kind {
        ErrorKind::TooLarge { .. } | ErrorKind::NeedsSmtpUtf8 | ErrorKind::Needs8BitMime => {
            RecipientStatus::Rejected
        }
        _ => RecipientStatus::Deferred,
    }
}

fn status_of(phase: Phase, kind: &ErrorKind) -> Classification {
    use HealthImpact::{AuthFailure, BriefFailure, Failure, Healthy};
    use RecipientStatus::{Accepted, Rejected, TryNext, Unknown};
    let means = |status, health| Classification { status, health };

    match (phase, kind) {
        (_, ErrorKind::Cancelled | ErrorKind::Busy(_)) => means(TryNext, HealthImpact::None),
        (_, ErrorKind::LineEnds) => means(Rejected, HealthImpact::None),
        (_, ErrorKind::TooLarge { .. } | ErrorKind::NeedsSmtpUtf8 | ErrorKind::Needs8BitMime) => {
            means(TryNext, HealthImpact::None)
        }
        (_, ErrorKind::Reply(Reply { code: 421, .. })) => means(TryNext, BriefFailure),
        (Phase::Connect | Phase::Greeting | Phase::Hello | Phase::Tls, _) => means(TryNext, Failure),
        (Phase::Auth, ErrorKind::Reply(Reply { code: 530 | 534 | 535, .. }))
        | (Phase::Mail, ErrorKind::Reply(Reply { code: 530, .. })) => means(TryNext, AuthFailure),
        (Phase::Auth, _) => means(TryNext, Failure),
        (Phase::Mail | Phase::Data, ErrorKind::Reply(reply)) if reply.is_permanent() => {
            means(Rejected, HealthImpact::None)
        }
        (Phase::Mail | Phase::Data, ErrorKind::Reply(reply)) if reply.is_transient() => {
            means(TryNext, HealthImpact::None)
        }
        (Phase::Rcpt, ErrorKind::Reply(reply)) if reply.is_permanent() => means(Rejected, HealthImpact::None),
        (Phase::Rcpt, ErrorKind::Reply(reply)) if reply.is_transient() => means(TryNext, HealthImpact::None),
        (Phase::EndOfData, ErrorKind::Reply(reply)) if reply.is_positive() => means(Accepted, Healthy),
        (Phase::EndOfData, ErrorKind::Reply(reply)) if reply.is_permanent() => {
            means(Rejected, HealthImpact::None)
        }
        (Phase::EndOfData, ErrorKind::Reply(reply)) if reply.is_transient() => {
            means(TryNext, HealthImpact::None)
        }
        (Phase::EndOfData, _) => means(Unknown, Failure),
        (Phase::Mail | Phase::Rcpt | Phase::Data, _) => means(TryNext, Failure),
    }
}

#[cfg(test)]
mod tests;
