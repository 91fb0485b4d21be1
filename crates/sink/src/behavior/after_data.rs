//! What happens once the end of the data has arrived.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// How long the sink stays silent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    #[default]
    No,
    /// For this long.
    For(Duration),
    /// Until the latch is released.
    Until(Latch),
}

/// What the sink does after the final dot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AfterData {
    /// Keeps the mail and replies 250.
    #[default]
    Accept,
    /// Sends this reply; the mail is kept if it is a 2xx. A 421 also closes the connection.
    Reply(String),
    /// Keeps the mail and closes the connection without a reply.
    DropKept,
    /// Discards the mail and closes the connection without a reply.
    DropLost,
}

/// Holds replies back until it is released. Clones are the same latch.
#[derive(Debug, Clone)]
pub struct Latch(Arc<watch::Sender<bool>>);

impl PartialEq for Latch {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Latch {}

impl Default for Latch {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Latch {
    /// A latch that holds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Releases it for good.
    pub fn release(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is released.
    pub(crate) async fn released(&self) {
        let mut released = self.0.subscribe();
        // The sender lives in self, so the channel cannot be closed.
        let _ = released.wait_for(|released| *released).await;
    }
}
