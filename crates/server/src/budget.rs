//! A budget for what is in flight at the same time: how many, and how many bytes together. Beyond it callers wait.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Up to this size nothing is charged in bytes: the count limits what small requests take together.
pub const SMALL: usize = 64 << 10;

/// Bytes are charged in units of this size.
const UNIT: usize = 1 << 10;

/// A limit in number and in bytes. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    count: Arc<Semaphore>,
    units: Arc<Semaphore>,
    all_units: u32,
}

/// A share of a budget, returned when the last clone is dropped. The default is a share of nothing.
#[derive(Debug, Clone, Default)]
pub struct MemoryPermit {
    held: Held,
    /// Another permit for the same work.
    also: Option<Held>,
}

/// A permit for the count, and one for the bytes.
type Held = Arc<(Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>)>;

impl MemoryPermit {
    fn new(count: Option<OwnedSemaphorePermit>, units: Option<OwnedSemaphorePermit>) -> Self {
        Self { held: Arc::new((count, units)), also: None }
    }

    /// Both permits in one.
    pub fn and(self, other: Self) -> Self {
        Self { held: self.held, also: Some(other.held) }
    }

    /// Returns what exceeds the share of `bytes`. A permit with clones stays as it is.
    pub fn shrink_to(self, bytes: usize) -> Self {
        let also = self.also;
        let (count, units) = match Arc::try_unwrap(self.held) {
            Ok(held) => held,
            Err(held) => return Self { held, also },
        };
        let needed = if bytes <= SMALL { 0 } else { units_of(bytes) as usize };
        let units =
            units.and_then(|mut all| if needed < all.num_permits() { all.split(needed) } else { Some(all) });
        Self { held: Arc::new((count, units)), also }
    }
}

impl MemoryBudget {
    /// At most `count` permits at the same time, and `bytes` of large ones together.
    pub fn new(count: usize, bytes: usize) -> Self {
        let all_units = units_of(bytes).max(1);
        let count = Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self { count, units: Arc::new(Semaphore::new(all_units as usize)), all_units }
    }

    /// Waits for a permit for `bytes`; more than the whole budget takes all of it. Cancel safe.
    pub async fn permit(&self, bytes: usize) -> MemoryPermit {
        // The semaphores are never closed, so there is always a permit in the end.
        let count = Arc::clone(&self.count).acquire_owned().await.ok();
        MemoryPermit::new(count, self.units_permit(bytes).await)
    }

    /// Waits until `permit`, which must have no clones, covers `bytes`. It still counts as one.
    pub async fn grow(&self, permit: MemoryPermit, bytes: usize) -> MemoryPermit {
        let count = Arc::into_inner(permit.held).and_then(|(count, _)| count);
        MemoryPermit::new(count, self.units_permit(bytes).await)
    }

    /// A permit, if one is available now.
    pub fn try_permit(&self, bytes: usize) -> Option<MemoryPermit> {
        let count = Arc::clone(&self.count).try_acquire_owned().ok()?;
        let units = match self.charged_units(bytes) {
            0 => None,
            units => Some(Arc::clone(&self.units).try_acquire_many_owned(units).ok()?),
        };
        Some(MemoryPermit::new(Some(count), units))
    }

    async fn units_permit(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        match self.charged_units(bytes) {
            0 => None,
            units => Arc::clone(&self.units).acquire_many_owned(units).await.ok(),
        }
    }

    fn charged_units(&self, bytes: usize) -> u32 {
        if bytes <= SMALL { 0 } else { units_of(bytes).min(self.all_units) }
    }
}

fn units_of(bytes: usize) -> u32 {
    u32::try_from(bytes / UNIT).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: usize = 1 << 20;

    async fn waits(budget: &MemoryBudget, bytes: usize) -> bool {
        let unavailable = budget.try_permit(bytes).is_none();
        let waits = tokio::time::timeout(Duration::from_secs(1), budget.permit(bytes)).await.is_err();
        assert_eq!(unavailable, waits);
        waits
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_is_limited_in_number_and_in_bytes() {
        let budget = MemoryBudget::new(3, 10 * MIB);
        let first = budget.permit(6 * MIB).await;
        assert!(waits(&budget, 5 * MIB).await);
        assert!(!waits(&budget, 4 * MIB).await);
        let second = budget.permit(SMALL).await;
        let clone = second.clone();
        let third = budget.try_permit(0).unwrap();
        assert!(waits(&budget, 0).await, "three are held");
        drop(second);
        assert!(waits(&budget, 0).await, "a clone is still held");
        drop(clone);
        assert!(!waits(&budget, 0).await);
        drop((first, third));
        let whole = budget.permit(100 * MIB).await.shrink_to(4 * MIB);
        assert!(waits(&budget, 7 * MIB).await);
        assert!(!waits(&budget, 6 * MIB).await);
        drop(whole);
        let whole = budget.permit(100 * MIB).await;
        assert!(waits(&budget, SMALL + UNIT).await);
        assert!(!waits(&budget, SMALL).await);
        drop(whole);
        assert!(!waits(&budget, 10 * MIB).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_grows_does_not_wait_for_itself() {
        let budget = MemoryBudget::new(1, 10 * MIB);
        let small = budget.permit(0).await;
        let large = budget.grow(small, 6 * MIB).await;
        assert!(waits(&budget, 0).await, "it still is one");
        drop(large);
        assert!(!waits(&budget, 10 * MIB).await);
    }
}
