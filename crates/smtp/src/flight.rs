//! Writes a flight: small slices are gathered, and the last write is held back until its bytes may leave.

use std::time::Duration;

use crate::ErrorKind;
use crate::wire::{Wire, WriteError};

/// Slices are gathered up to this size before a write, in bytes.
pub(crate) const WRITE_SIZE: usize = 64 << 10;

/// A flight that is being written.
pub(crate) struct Flight<'a> {
    pub(crate) wire: &'a mut Wire,
    gathered: Vec<u8>,
    /// Each write must end within this time.
    within: Duration,
    /// What the socket took, in bytes.
    pub(crate) taken: usize,
}

impl<'a> Flight<'a> {
    pub(crate) fn new(wire: &'a mut Wire, within: Duration) -> Self {
        Self { wire, gathered: Vec::new(), within, taken: 0 }
    }

    /// Whether the next slice fills the buffer, so that something is written.
    pub(crate) fn writes_for(&self, slice: &[u8]) -> bool {
        self.gathered.len() + slice.len() > WRITE_SIZE
    }

    /// Adds a slice. Something is written only if more follows.
    pub(crate) async fn push(&mut self, mut slice: &[u8]) -> Result<(), ErrorKind> {
        while self.writes_for(slice) {
            let (head, rest) = slice.split_at(WRITE_SIZE - self.gathered.len());
            self.gathered.extend_from_slice(head);
            slice = rest;
            self.flush().await?;
        }
        self.gathered.extend_from_slice(slice);
        Ok(())
    }

    /// Writes what is gathered.
    pub(crate) async fn flush(&mut self) -> Result<(), ErrorKind> {
        let written = self.wire.write(&self.gathered, self.within).await;
        self.taken += written.as_ref().map_or_else(|error| error.taken, |()| self.gathered.len());
        self.gathered.clear();
        written.map_err(|WriteError { kind, .. }| kind)
    }
}
