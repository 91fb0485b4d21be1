//! Whose turn it is: those who wait for a session take a free one, or a place in the session of someone before them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::sleep;

use super::window::{MAX_PLACES, PooledSession, Window};
use super::{Pool, Shared, Waiter};
use crate::{Error, ErrorKind, Phase};

/// What ends the waiting.
pub(super) enum Turn {
    /// The right to use an idle session, or to open one.
    Permit(OwnedSemaphorePermit),
    /// A place in a session.
    Place(PooledSession),
}

/// Someone in line, until dropped.
struct InLine<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Pool {
    /// Waits until a session may be used or opened, or until someone shares theirs.
    pub(super) async fn turn(&self) -> Result<Turn, Error> {
        if let Ok(permit) = Arc::clone(&self.0.permits).try_acquire_owned() {
            return Ok(Turn::Permit(permit));
        }
        let (place, mut offered) = oneshot::channel();
        let in_line = self.0.stand_in_line(place);
        let permit = tokio::select! {
            biased;
            Ok(place) = &mut offered => return Ok(Turn::Place(place)),
            permit = self.permit() => permit?,
        };
        drop(in_line);
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
        let invited: Vec<Waiter> = {
            let mut slots = self.0.slots();
            let fair = slots.waiting.len().div_ceil(slots.size.max(1));
            let fair = fair.min(MAX_PLACES - 1);
            slots.waiting.drain(..fair).collect()
        };
        for waiter in invited {
            // Whoever left in the meantime gives the place back.
            let _ = waiter.place.send(window.place());
        }
        own
    }
}

impl Shared {
    /// Waits until the pace allows a further message, and counts it.
    pub(super) async fn await_pace(&self) {
        let _next = self.pacing.lock().await;
        loop {
            let taken = self.slots().pace.take((self.now)());
            match taken {
                Ok(()) => return,
                Err(wait) => sleep(wait).await,
            }
        }
    }

    /// How long the pace allows no further message.
    pub(super) fn wait_for_pace(&self) -> Duration {
        self.slots().pace.wait((self.now)())
    }

    fn stand_in_line(&self, place: oneshot::Sender<PooledSession>) -> InLine<'_> {
        let mut slots = self.slots();
        let number = slots.next_waiter;
        slots.next_waiter += 1;
        slots.waiting.push_back(Waiter { number, place });
        InLine { shared: self, number }
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.shared.slots().waiting.retain(|waiter| waiter.number != self.number);
    }
}
