//! How many sessions may be open: as many as configured, and fewer for some minutes if the server says so.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tracing::debug;

use super::Shared;
use super::idle::{close_in_background, spawn};
use crate::Session;

/// How long the pool stays smaller after the server took no further connection.
pub(super) const REDUCED_FOR: Duration = Duration::from_secs(300);

impl Shared {
    /// Whether someone else uses a session, or opens one. The caller has a permit.
    pub(super) fn others_in_use(&self) -> bool {
        self.slots().size > self.permits.available_permits() + 1
    }

    /// Whether a session is open that has no permit: one that is idle by now, or that of a check.
    pub(super) fn has_others(&self) -> bool {
        self.checking.try_lock().is_err() || !self.slots().idle.is_empty()
    }

    /// Whether a session is idle or in use.
    pub(super) fn has_sessions(&self) -> bool {
        let slots = self.slots();
        !slots.idle.is_empty() || slots.size > self.permits.available_permits()
    }

    /// Gives back a session and its permit, unless the server wants fewer connections.
    pub(super) fn end_turn(self: &Arc<Self>, session: Option<Session>, permit: OwnedSemaphorePermit) {
        let mut slots = self.slots();
        let is_one_too_many = std::mem::take(&mut slots.wants_fewer) && slots.size > 1;
        drop(slots);
        match session {
            Some(session) if is_one_too_many => close_in_background(session),
            Some(session) => self.put_back(session),
            None => {}
        }
        if is_one_too_many {
            permit.forget();
            self.reduce_by(1);
        }
    }

    /// Reduces the pool to the sessions that others use, for some minutes.
    pub(super) fn reduce_size(self: &Arc<Self>, permit: OwnedSemaphorePermit) {
        permit.forget();
        self.reduce_by(1 + self.permits.forget_permits(Semaphore::MAX_PERMITS));
    }

    /// So many permits are gone, for some minutes.
    fn reduce_by(self: &Arc<Self>, fewer: usize) {
        self.slots().size -= fewer;
        debug!(fewer, "the server takes fewer connections");
        let shared = Arc::downgrade(self);
        spawn(async move {
            sleep(REDUCED_FOR).await;
            if let Some(shared) = shared.upgrade() {
                shared.slots().size += fewer;
                shared.permits.add_permits(fewer);
            }
        });
    }
}
