//! How much the requests under way may be, in number and in bytes together. Whoever comes beyond that waits for a share.

use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::model::Extensions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A request up to this size costs no bytes: the number of requests bounds what such ones may be together.
pub(super) const SMALL: usize = 64 << 10;

/// Bytes are counted in units of this size.
const UNIT: usize = 1 << 10;

/// The requests under way, together.
#[derive(Debug, Clone)]
pub(super) struct Load {
    requests: Arc<Semaphore>,
    units: Arc<Semaphore>,
    all_units: u32,
}

/// What one request takes of the load, until the last copy of this is dropped.
#[derive(Debug, Clone)]
pub(super) struct Share {
    held: Held,
}

/// A permit for the request, and one for its bytes.
type Held = Arc<(Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>)>;

impl Share {
    /// The share that came along with a call: over stdio by itself, over HTTP with the request's head.
    pub(super) fn of_call(extensions: &Extensions) -> Option<Self> {
        let with_head = || extensions.get::<Parts>()?.extensions.get::<Self>();
        extensions.get::<Self>().or_else(with_head).cloned()
    }

    /// Gives back what is more than the share of a request of `bytes`; a share with copies stays as it is.
    pub(super) fn no_more_than(self, bytes: usize) -> Self {
        let (request, large) = match Arc::try_unwrap(self.held) {
            Ok(held) => held,
            Err(held) => return Self { held },
        };
        let needed = if bytes <= SMALL { 0 } else { units(bytes) as usize };
        let large =
            large.and_then(|mut all| if needed < all.num_permits() { all.split(needed) } else { Some(all) });
        Self { held: Arc::new((request, large)) }
    }
}

impl Load {
    /// At most `requests` at the same time, and `bytes` of large ones together.
    pub(super) fn of(requests: usize, bytes: usize) -> Self {
        let all_units = units(bytes).max(1);
        let units = Arc::new(Semaphore::new(all_units as usize));
        Self { requests: Arc::new(Semaphore::new(requests)), units, all_units }
    }

    /// Waits until one more request of `bytes` may be under way; one that is larger than all the room takes all of it.
    ///
    /// Whoever stops waiting has taken nothing.
    pub(super) async fn share(&self, bytes: usize) -> Share {
        // The semaphores are never closed: there is always a permit in the end.
        let request = Arc::clone(&self.requests).acquire_owned().await.ok();
        Share { held: Arc::new((request, self.room(bytes).await)) }
    }

    /// Waits until the request that has `share`, of which nobody has a copy, may be one of `bytes`. It still counts as one.
    pub(super) async fn widened(&self, share: Share, bytes: usize) -> Share {
        let request = Arc::into_inner(share.held).and_then(|(request, _)| request);
        Share { held: Arc::new((request, self.room(bytes).await)) }
    }

    /// A share, if there is one at this moment.
    pub(super) fn share_at_once(&self, bytes: usize) -> Option<Share> {
        let request = Arc::clone(&self.requests).try_acquire_owned().ok()?;
        let large = match self.units_of(bytes) {
            0 => None,
            units => Some(Arc::clone(&self.units).try_acquire_many_owned(units).ok()?),
        };
        Some(Share { held: Arc::new((Some(request), large)) })
    }

    async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        match self.units_of(bytes) {
            0 => None,
            units => Arc::clone(&self.units).acquire_many_owned(units).await.ok(),
        }
    }

    fn units_of(&self, bytes: usize) -> u32 {
        if bytes <= SMALL { 0 } else { units(bytes).min(self.all_units) }
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes / UNIT).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: usize = 1 << 20;

    async fn waits(load: &Load, bytes: usize) -> bool {
        let at_once = load.share_at_once(bytes).is_none();
        let in_the_end = tokio::time::timeout(Duration::from_secs(1), load.share(bytes)).await.is_err();
        assert_eq!(at_once, in_the_end);
        in_the_end
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_its_share_in_number_and_in_bytes() {
        let load = Load::of(3, 10 * MIB);
        let first = load.share(6 * MIB).await;
        assert!(waits(&load, 5 * MIB).await);
        assert!(!waits(&load, 4 * MIB).await);
        let second = load.share(SMALL).await;
        let copy = second.clone();
        let third = load.share_at_once(0).unwrap();
        assert!(waits(&load, 0).await, "three are under way");
        drop(second);
        assert!(waits(&load, 0).await, "a copy of its share is still held");
        drop(copy);
        assert!(!waits(&load, 0).await);
        drop((first, third));
        let whole = load.share(100 * MIB).await.no_more_than(4 * MIB);
        assert!(waits(&load, 7 * MIB).await);
        assert!(!waits(&load, 6 * MIB).await);
        drop(whole);
        let whole = load.share(100 * MIB).await;
        assert!(waits(&load, SMALL + UNIT).await);
        assert!(!waits(&load, SMALL).await);
        drop(whole);
        assert!(!waits(&load, 10 * MIB).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_turns_out_to_be_large_does_not_wait_for_itself() {
        let load = Load::of(1, 10 * MIB);
        let small = load.share(0).await;
        let large = load.widened(small, 6 * MIB).await;
        assert!(waits(&load, 0).await, "it still is one request");
        drop(large);
        assert!(!waits(&load, 10 * MIB).await);
    }
}
