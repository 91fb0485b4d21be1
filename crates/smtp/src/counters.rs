//! What sessions did: round trips, bytes, sessions opened and used again.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the sessions of a server did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sessions that were opened.
    pub sessions_opened: u64,
    /// How often a session was used again.
    pub sessions_reused: u64,
    /// Transactions that were begun.
    pub messages: u64,
    /// How often something was written and its reply awaited.
    pub round_trips: u64,
    /// Bytes written, before encryption.
    pub bytes_sent: u64,
    /// Bytes read, after decryption.
    pub bytes_received: u64,
}

/// One of the [`Counters`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counted {
    SessionsOpened,
    SessionsReused,
    Messages,
    RoundTrips,
    BytesSent,
    BytesReceived,
}

/// Counts, for every session of a server together.
#[derive(Debug, Default)]
pub(crate) struct Counter([AtomicU64; 6]);

impl Counter {
    pub(crate) fn add(&self, what: Counted, more: usize) {
        self.0[what as usize].fetch_add(more as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Counters {
        let count = |what: Counted| self.0[what as usize].load(Ordering::Relaxed);
        Counters {
            sessions_opened: count(Counted::SessionsOpened),
            sessions_reused: count(Counted::SessionsReused),
            messages: count(Counted::Messages),
            round_trips: count(Counted::RoundTrips),
            bytes_sent: count(Counted::BytesSent),
            bytes_received: count(Counted::BytesReceived),
        }
    }
}
