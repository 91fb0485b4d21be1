//! The moment after which a message may not be sent again: who decides it, the sender or the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const OPEN: u8 = 0;
const STOPPED: u8 = 1;
const HANDED_OVER: u8 = 2;

/// One delivery's point of no return, shared between the engine and whoever waits for it.
///
/// The engine claims it right before it hands the last byte to the socket; a caller who runs out of time claims it
/// to stop the delivery. Exactly one of them gets it, so a stopped message was certainly not sent, and one that was
/// not stopped in time may have been.
#[derive(Debug, Clone, Default)]
pub struct Handover(Arc<AtomicU8>);

impl Handover {
    /// A delivery that has not come to its last byte.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The caller stops the delivery. True: it will never be sent. False: the last byte is out, or about to be.
    #[must_use]
    pub fn stop(&self) -> bool {
        match self.0.compare_exchange(OPEN, STOPPED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(now) => now == STOPPED,
        }
    }

    /// The engine is about to hand over the last byte. True: go on. False: the caller stopped it.
    #[must_use]
    pub fn hand_over(&self) -> bool {
        match self.0.compare_exchange(OPEN, HANDED_OVER, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(now) => now == HANDED_OVER,
        }
    }

    /// The engine learnt that the server did not take the message: another attempt may be stopped again.
    pub fn take_back(&self) {
        let _ = self.0.compare_exchange(HANDED_OVER, OPEN, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether the last byte was handed over.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.0.load(Ordering::Acquire) == HANDED_OVER
    }

    /// Whether the caller stopped the delivery.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire) == STOPPED
    }
}
