//! Whose turn it is: those who wait for a session take a free one, or a place in the session of someone before them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::sleep;

use super::window::{PooledSession, Window};
use super::{Pool, Shared};
use crate::pipeline::MAX_MESSAGES;
use crate::{Error, ErrorKind, Phase};

/// What ends the waiting.
pub(super) enum Turn {
    /// The right to use an idle session, or to open one.
    Permit(OwnedSemaphorePermit),
    /// A place in a session.
    Place(PooledSession),
}

impl Pool {
    /// Waits until a session may be used or opened, or until someone shares theirs.
    pub(super) async fn turn(&self) -> Result<Turn, Error> {
        if let Ok(permit) = Arc::clone(&self.0.permits).try_acquire_owned() {
            return Ok(Turn::Permit(permit));
        }
        let (place, mut offered) = oneshot::channel();
        self.0.slots().waiting.push_back(place);
        let permit = tokio::select! {
            biased;
            Ok(place) = &mut offered => return Ok(Turn::Place(place)),
            permit = self.permit() => permit?,
        };
        // From now on no place can be offered; one may have been just before.
        offered.close();
        Ok(offered.try_recv().map_or(Turn::Permit(permit), Turn::Place))
    }

    /// Waits until a session may be used or opened.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await;
        // The semaphore is never closed.
        permit.map_err(|_| Error::new(Phase::Connect, ErrorKind::Closed))
    }

    /// Offers places to those who wait: to as many as fall to each session.
    pub(super) fn share(&self, window: &Arc<Window>) -> PooledSession {
        let own = window.place();
        let invited: Vec<_> = {
            let mut slots = self.0.slots();
            slots.waiting.retain(|waiting| !waiting.is_closed());
            let fair = slots.waiting.len().div_ceil(slots.size);
            slots.waiting.drain(..fair.min(MAX_MESSAGES - 1)).collect()
        };
        for waiting in invited {
            // Whoever left in the meantime gives the place back.
            let _ = waiting.send(window.place());
        }
        own
    }
}

impl Shared {
    /// Waits until the pace allows a further message, and counts it; returns when.
    pub(super) async fn await_pace(&self) -> Duration {
        let _next = self.pacing.lock().await;
        loop {
            let now = (self.now)();
            let taken = self.slots().pace.take(now);
            match taken {
                Ok(()) => return now,
                Err(wait) => sleep(wait).await,
            }
        }
    }

    /// How long the pace allows no further message.
    pub(super) fn wait_for_pace(&self) -> Duration {
        self.slots().pace.wait((self.now)())
    }
}
