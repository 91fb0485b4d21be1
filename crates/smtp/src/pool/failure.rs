//! What a failure tells about a session, and about how many the server takes.

use crate::{Delivery, Error, ErrorKind, Phase};

/// Whether the only failure is the end of the connection, or that the message's first command was not answered although the session
/// `has_worked`. After another timeout the same server is not tried again: the time is better spent on another one.
///
/// 421 is about the session, and not about this message, if the session has worked and does not even take the sender, or if it was
/// idle and has decided nothing since (`is_untried`).
pub(super) fn was_dead(delivery: &Delivery, has_worked: bool, is_untried: bool) -> bool {
    let dead = |error: &Error| match &error.kind {
        // After the end of the data the caller may have been told "unknown": that mail must not be sent again.
        _ if error.phase == Phase::EndOfData => false,
        ErrorKind::Closed | ErrorKind::ClosedBefore | ErrorKind::Io(_) => true,
        ErrorKind::TimedOut(_) => has_worked && error.phase == Phase::Mail,
        ErrorKind::Reply(reply) => {
            reply.code == 421 && (is_untried || (has_worked && error.phase == Phase::Mail))
        }
        _ => false,
    };
    delivery.recipients.iter().all(|end| end.as_ref().is_err_and(dead))
}

/// Whether another message's reply ended the session, before the server came to this one.
pub(super) fn was_behind(delivery: &Delivery) -> bool {
    delivery.errors().any(|error| error.kind == ErrorKind::ClosedBefore)
}

/// Whether the server decided about the message: it works.
pub(super) fn was_decided(delivery: &Delivery) -> bool {
    let is_refusal = |error: &Error| error.reply().is_some_and(|reply| reply.code != 421);
    delivery.accepted() || delivery.errors().any(is_refusal)
}

/// Whether the server refused an extension that it offers, so that the message may go without it.
pub(super) fn refuses_extension(delivery: &Delivery) -> bool {
    delivery.errors().any(|error| matches!(error.kind, ErrorKind::RefusesExtension(..)))
}

/// Whether the server says that it gets too many messages at a time: 421 and 432, and 450 or 451 with X.7.X and words about a rate.
/// X.7.X alone may be about one recipient, such as greylisting.
pub(super) fn is_rate_limit(error: &Error) -> bool {
    let ErrorKind::Reply(reply) = &error.kind else {
        return false;
    };
    let text = reply.text.to_ascii_lowercase();
    let words = ["rate", "too many", "too much", "too fast", "limit", "throttl", "quota", "slow down"];
    let is_policy = reply.enhanced.is_some_and(|code| code.subject == 7);
    let is_about_rate = is_policy && words.iter().any(|word| text.contains(word));
    let is_message = matches!(error.phase, Phase::Mail | Phase::Rcpt | Phase::Data | Phase::EndOfData);
    is_message && (matches!(reply.code, 421 | 432) || (matches!(reply.code, 450 | 451) && is_about_rate))
}

/// Whether the server says that it has too many connections or senders at a time.
pub(super) fn wants_fewer_connections(error: &Error) -> bool {
    matches!(&error.kind, ErrorKind::Reply(reply) if matches!(reply.code, 421 | 432)) && is_rate_limit(error)
}

/// Whether the server says that it takes no further connection, or none for now.
pub(super) fn is_connection_limit(error: &Error) -> bool {
    match (&error.phase, &error.kind) {
        (Phase::Greeting | Phase::Hello, ErrorKind::Reply(reply)) => reply.is_transient(),
        (Phase::Auth, ErrorKind::Reply(reply)) => reply.code == 421,
        _ => false,
    }
}
