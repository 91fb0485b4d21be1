//! A soft limit on the memory of the process: beyond it no new work is taken.
//!
//! Budgets limit what is in flight by what it is expected to take; this limits what the process really holds.

/// The limit, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimit(pub usize);

impl MemoryLimit {
    /// Whether there is room for work that takes `bytes`. Where the system does not tell, there always is.
    pub fn has_room(self, bytes: usize) -> bool {
        resident().saturating_add(bytes) <= self.0
    }
}

fn resident() -> usize {
    memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_process_holds_counts() {
        const MIB: usize = 1 << 20;
        assert!(MemoryLimit(1 << 40).has_room(MIB));
        assert!(!MemoryLimit(1 << 40).has_room(1 << 40), "the process holds something, too");
        assert!(!MemoryLimit(MIB).has_room(0), "a test takes more");
    }
}
