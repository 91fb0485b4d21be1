//! The time since this machine was started, the time it slept included.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The clock that runs on while the machine sleeps. Elsewhere than on Linux, the monotonic clock does.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// How long this machine has been up, for intervals that a connection must not survive: a peer or a router in between does not
/// sleep when this machine does, and forgets connections.
pub(crate) fn boot_time() -> Duration {
    let now = clock_gettime(CLOCK);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}
