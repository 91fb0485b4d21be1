//! How long an attempt counts among those at the same time.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// Makes an attempt, and holds `slot` as long as it may still look for a session. From then on a server keeps it waiting, perhaps for
/// minutes, and mails for other servers must not wait for that: the slot is given up, and `freed` is called.
pub(super) async fn hold_slot(
    attempt: impl Future<Output = ()>,
    slot: Option<OwnedSemaphorePermit>,
    time_limit: Duration,
    freed: impl FnOnce(),
) {
    let mut attempt = pin!(attempt);
    if timeout(time_limit, &mut attempt).await.is_err() {
        drop(slot);
        freed();
        attempt.await;
    }
}
