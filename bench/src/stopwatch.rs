//! The only place that reads the time.

use std::time::{Duration, Instant};

/// Runs `act` and returns how long it took.
pub(crate) fn time<T>(act: impl FnOnce() -> T) -> (Duration, T) {
    let began = now();
    let done = act();
    (began.elapsed(), done)
}

/// Awaits `act` and returns how long it took.
pub(crate) async fn time_async<T>(act: impl Future<Output = T>) -> (Duration, T) {
    let began = now();
    let done = act.await;
    (began.elapsed(), done)
}

/// Now.
#[expect(clippy::disallowed_methods, reason = "measuring time is what this is for")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
