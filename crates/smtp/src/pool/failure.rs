//! What a failure tells about a session, and about how many the server takes.

use crate::{Delivery, Error, ErrorKind, Phase};

/// Whether the only failure is the end of the connection, or that its first command was not answered. After another timeout the
/// same server is not tried again: the time is better spent on another one.
pub(super) fn was_dead(delivery: &Delivery) -> bool {
    let dead = |error: &Error| match &error.kind {
        // After the end of the data the caller may have been told "unknown": that mail must not be sent again.
        _ if error.phase == Phase::EndOfData => false,
        ErrorKind::Closed | ErrorKind::Io(_) => true,
        ErrorKind::TimedOut(_) => error.phase == Phase::Mail,
        ErrorKind::Reply(reply) => reply.code == 421,
        _ => false,
    };
    delivery.recipients.iter().all(|end| end.as_ref().is_err_and(dead))
}

/// Whether the server refused an extension that it offers, so that the message may go without it.
pub(super) fn refuses_extension(delivery: &Delivery) -> bool {
    delivery.errors().any(|error| matches!(error.kind, ErrorKind::RefusesExtension(..)))
}

/// Whether the server says that it takes no further connection, or none for now.
pub(super) fn is_connection_limit(error: &Error) -> bool {
    match (&error.phase, &error.kind) {
        (Phase::Greeting | Phase::Hello, ErrorKind::Reply(reply)) => reply.is_transient(),
        (Phase::Auth, ErrorKind::Reply(reply)) => reply.code == 421,
        _ => false,
    }
}
