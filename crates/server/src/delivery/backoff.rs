//! How long a message waits until its next attempt.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::outbox::MAX_BACKOFF;

/// The pause after the first attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// The pause after attempt `attempt` (1 is the first): 30 s × 2^(n−1), ±20 %, at most 4 h. The deviation depends on the id,
/// so that messages that failed together are not tried together.
pub(super) fn pause(id: Uuid, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(MAX_BACKOFF);
    let mut hash = Sha256::new();
    hash.update(id.as_bytes());
    hash.update(attempt.to_be_bytes());
    let [a, b, c, d, ..] = hash.finalize().0;
    let deviation = f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX) * 0.4 - 0.2;
    pause.mul_f64(1.0 + deviation).min(MAX_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_together_is_tried_at_different_times() {
        let pauses: std::collections::HashSet<_> = (0..200).map(|id| pause(Uuid::from_u128(id), 5)).collect();
        assert_eq!(pauses.len(), 200);
    }

    #[test]
    fn the_pause_doubles_up_to_four_hours_and_deviates_by_a_fifth() {
        let ids: Vec<_> = (0..200).map(Uuid::from_u128).collect();
        for (attempt, seconds) in [(0, 30), (1, 30), (2, 60), (3, 120), (9, 7680), (10, 14_400), (40, 14_400)]
        {
            let expected = Duration::from_secs(seconds);
            let pauses: Vec<_> = ids.iter().map(|id| pause(*id, attempt)).collect();
            let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
            assert!(
                *least >= expected.mul_f64(0.8) && *least < expected.mul_f64(0.85),
                "{attempt}: {least:?}"
            );
            assert!(*most <= expected.mul_f64(1.2).min(MAX_BACKOFF), "{attempt}: {most:?}");
            assert!(*most > expected.mul_f64(1.15) || *most == MAX_BACKOFF, "{attempt}: {most:?}");
        }
    }
}
