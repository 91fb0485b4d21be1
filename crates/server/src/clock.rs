//! Time is passed in: the machine's clock, or a clock that a test moves.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset, Utc};

/// Where the time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that moves when told.
    Manual(Arc<Mutex<Manual>>),
}

/// The state of a clock that moves when told.
#[derive(Debug)]
pub struct Manual {
    start: Instant,
    passed: Duration,
    epoch: DateTime<Utc>,
}

impl Clock {
    /// A clock that stands at `epoch` until it is moved.
    #[expect(clippy::disallowed_methods, reason = "the clock's own room")]
    pub fn manual(epoch: DateTime<Utc>) -> Self {
        Self::Manual(Arc::new(Mutex::new(Manual { start: Instant::now(), passed: Duration::ZERO, epoch })))
    }

    /// Moves a manual clock; the machine's clock moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(manual) = self {
            manual.lock().unwrap_or_else(PoisonError::into_inner).passed += by;
        }
    }

    /// The date and time, with the local offset where the machine knows one.
    #[expect(clippy::disallowed_methods, reason = "the clock's own room")]
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
    #[expect(clippy::disallowed_methods, reason = "the clock's own room")]
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
