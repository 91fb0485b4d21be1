//! How many messages wait, counted at most once a second: where many wait, counting costs more than taking one more.

use std::sync::{Mutex, PoisonError};

/// How long a count is good, in milliseconds.
const GOOD_FOR_MS: i64 = 1000;

/// The last count, and what this process has taken since.
#[derive(Debug, Default)]
pub(super) struct WaitingCount(Mutex<Option<Counted>>);

#[derive(Debug, Clone, Copy)]
struct Counted {
    at: i64,
    waiting: u32,
}

impl WaitingCount {
    /// Whether at least `limit` messages wait. It is counted anew where it seems so.
    pub(super) fn reaches(
        &self,
        limit: u32,
        now: i64,
        count: impl FnOnce() -> rusqlite::Result<u32>,
    ) -> rusqlite::Result<bool> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = |counted: &Counted| {
            (counted.at..counted.at + GOOD_FOR_MS).contains(&now) && counted.waiting < limit
        };
        let waiting = match last.filter(is_good) {
            Some(counted) => counted.waiting,
            None => {
                let waiting = count()?;
                *last = Some(Counted { at: now, waiting });
                waiting
            }
        };
        Ok(waiting >= limit)
    }

    /// One more was taken.
    pub(super) fn add(&self) {
        if let Some(counted) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            counted.waiting += 1;
        }
    }
}
