//! Room for large mails: how many are composed at the same time, and how many bytes of them are kept until they are sent.
//!
//! A call of a hundred bytes can attach files of 50 MiB; without this, 64 such calls at once would take gigabytes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Large mails that are composed at the same time.
const TURNS: usize = 2;
/// Large mails that are kept at the same time, in MiB together.
const PLACES: u32 = 256;

/// Room for large mails, in the order in which they came.
#[derive(Debug, Clone)]
pub struct Room {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    size: u32,
}

/// A message's place in the room, until this is dropped. A small one needs none.
#[derive(Debug, Default)]
pub struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(TURNS, PLACES)
    }
}

impl Room {
    /// Room for `turns` mails to be composed, and for `size` MiB to be kept.
    fn of(turns: usize, size: u32) -> Self {
        Self { turns: Arc::new(Semaphore::new(turns)), places: Arc::new(Semaphore::new(size as usize)), size }
    }

    /// Waits until another large mail may be composed.
    pub(super) async fn turn(&self) -> Place {
        take(&self.turns, 1).await
    }

    /// Waits for room for `bytes`; what is larger than all the room takes all of it.
    pub(super) async fn place(&self, bytes: usize) -> Place {
        match u32::try_from(bytes >> 20).unwrap_or(u32::MAX).min(self.size) {
            0 => Place::default(),
            mebibytes => take(&self.places, mebibytes).await,
        }
    }
}

/// The semaphores are never closed: there is always a permit in the end.
async fn take(semaphore: &Arc<Semaphore>, count: u32) -> Place {
    Place { _permit: Arc::clone(semaphore).acquire_many_owned(count).await.ok() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn waits<T>(future: impl Future<Output = T>) -> bool {
        tokio::time::timeout(Duration::from_secs(1), future).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn large_mails_wait_for_room_and_small_ones_do_not() {
        let room = Room::of(1, 10);
        let turn = room.turn().await;
        assert!(waits(room.turn()).await);
        drop(turn);
        assert!(!waits(room.turn()).await);

        let whole = room.place(1 << 30).await;
        assert!(waits(room.place(1 << 20)).await);
        assert!(!waits(room.place(1000)).await);
        drop(whole);
        let part = room.place(7 << 20).await;
        assert!(waits(room.place(4 << 20)).await);
        assert!(!waits(room.place(3 << 20)).await);
        drop(part);
    }
}
