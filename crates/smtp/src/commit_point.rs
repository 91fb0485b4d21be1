//! The point of no return: after it a message is not sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const OPEN: u8 = 0;
const CANCELLED: u8 = 1;
const COMMITTED: u8 = 2;
/// Committed, and its caller was told that it could not be cancelled.
const GIVEN_UP: u8 = 3;

/// The point of no return of one delivery, shared between the session and its caller.
///
/// The session commits right before it hands the last byte to the socket; a caller who runs out of time cancels.
/// Exactly one of them succeeds, so a cancelled message was certainly not sent, and one that could not be
/// cancelled may have been. Neither is sent again, whatever the server replies later: its caller has been told.
#[derive(Debug, Clone, Default)]
pub struct CommitPoint(Arc<AtomicU8>);

impl CommitPoint {
    /// A delivery whose last byte has not been sent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Called to stop the delivery. True: it will never be sent. False: the last byte is out, or about to be; the
    /// delivery ends with the server's reply.
    #[must_use]
    pub fn cancel(&self) -> bool {
        let stopped = |now| match now {
            OPEN => Some(CANCELLED),
            COMMITTED => Some(GIVEN_UP),
            _ => None,
        };
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, stopped);
        matches!(before, Ok(OPEN) | Err(CANCELLED))
    }

    /// Called before the last byte is handed to the socket. True: go on. False: it was cancelled.
    #[must_use]
    pub fn commit(&self) -> bool {
        match self.0.compare_exchange(OPEN, COMMITTED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(now) => now == COMMITTED,
        }
    }

    /// Called when the server has refused the message: another attempt can be cancelled again, unless the caller gave up.
    pub fn reset(&self) {
        let _ = self.0.compare_exchange(COMMITTED, OPEN, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether the last byte was handed to the socket.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        matches!(self.0.load(Ordering::Acquire), COMMITTED | GIVEN_UP)
    }

    /// Whether the caller stopped the delivery, in time or not: no further attempt is made.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0.load(Ordering::Acquire), CANCELLED | GIVEN_UP)
    }
}

#[cfg(test)]
mod tests {
    use super::CommitPoint;

    #[test]
    fn a_caller_who_gave_up_sees_no_further_attempt() {
        let point = CommitPoint::new();
        assert!(point.commit() && !point.cancel() && !point.cancel());
        point.reset();
        assert!(point.is_committed() && point.is_cancelled() && !point.commit());
    }

    #[test]
    fn a_refused_message_can_be_cancelled_again() {
        let point = CommitPoint::new();
        assert!(point.commit());
        point.reset();
        assert!(!point.is_committed() && point.cancel() && point.cancel() && !point.commit());
    }
}
