//! The point of no return: after it a message is not sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const OPEN: u8 = 0;
const CANCELLED: u8 = 1;
const COMMITTED: u8 = 2;

/// The point of no return of one delivery, shared between the session and its caller.
///
/// The session commits right before it hands the last byte to the socket; a caller who runs out of time cancels.
/// Exactly one of them succeeds, so a cancelled message was certainly not sent, and one that could not be
/// cancelled may have been.
#[derive(Debug, Clone, Default)]
pub struct CommitPoint(Arc<AtomicU8>);

impl CommitPoint {
    /// A delivery whose last byte has not been sent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Called to stop the delivery. True: it will never be sent. False: the last byte is out, or about to be.
    #[must_use]
    pub fn cancel(&self) -> bool {
        match self.0.compare_exchange(OPEN, CANCELLED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(now) => now == CANCELLED,
        }
    }

    /// Called before the last byte is handed to the socket. True: go on. False: it was cancelled.
    #[must_use]
    pub fn commit(&self) -> bool {
        match self.0.compare_exchange(OPEN, COMMITTED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(now) => now == COMMITTED,
        }
    }

    /// Called when the server has refused the message: another attempt can be cancelled again.
    pub fn reset(&self) {
        let _ = self.0.compare_exchange(COMMITTED, OPEN, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether the last byte was handed to the socket.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.0.load(Ordering::Acquire) == COMMITTED
    }

    /// Whether the caller cancelled the delivery.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire) == CANCELLED
    }
}
