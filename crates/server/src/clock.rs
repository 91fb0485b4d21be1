//! The clock: the system's, or one that a test advances.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset, Utc};

/// A source of time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system clock.
    System,
    /// A clock that is advanced by hand.
    Manual(Arc<Mutex<Manual>>),
}

/// The state of a manual clock.
#[derive(Debug)]
pub struct Manual {
    start: Instant,
    passed: Duration,
    epoch: DateTime<Utc>,
}

impl Clock {
    /// A clock that stays at `epoch` until it is advanced.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn manual(epoch: DateTime<Utc>) -> Self {
        Self::Manual(Arc::new(Mutex::new(Manual { start: Instant::now(), passed: Duration::ZERO, epoch })))
    }

    /// Advances a manual clock; has no effect on the system clock.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(manual) = self {
            manual.lock().unwrap_or_else(PoisonError::into_inner).passed += by;
        }
    }

    /// Turns the date and time of a manual clock back, as someone who corrects it; intervals are not concerned.
    pub fn turn_back(&self, by: Duration) {
        if let Self::Manual(manual) = self {
            manual.lock().unwrap_or_else(PoisonError::into_inner).epoch -= by;
        }
    }

    /// The date and time, with the local offset if it is known.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> DateTime<FixedOffset> {
        match self {
            Self::System => chrono::Local::now().fixed_offset(),
            Self::Manual(manual) => {
                let manual = manual.lock().unwrap_or_else(PoisonError::into_inner);
                (manual.epoch + manual.passed).fixed_offset()
            }
        }
    }

    /// A monotonic instant, for intervals.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn instant(&self) -> Instant {
        match self {
            Self::System => Instant::now(),
            Self::Manual(manual) => {
                let manual = manual.lock().unwrap_or_else(PoisonError::into_inner);
                manual.start + manual.passed
            }
        }
    }
}
