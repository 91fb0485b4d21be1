//! What happens after the final dot.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// What happens when the whole content has arrived: first the wait, then the deed.
#[derive(Debug, Clone, Default)]
pub struct End {
    /// How long the sink keeps silent.
    pub wait: Wait,
    /// What it does then.
    pub then: After,
}

/// How long the sink keeps silent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    #[default]
    No,
    /// For this long.
    For(Duration),
    /// Until the gate is open.
    Until(Gate),
}

/// What the sink does after the final dot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum After {
    /// Keeps the mail and says 250.
    #[default]
    Answer,
    /// Says this; the mail is kept if it is a 2xx. A 421 also closes the connection.
    Reply(String),
    /// Keeps the mail and closes the connection without a word.
    DropKept,
    /// Forgets the mail and closes the connection without a word.
    DropLost,
}

/// A gate that holds replies back until somebody opens it. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Gate {}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Opens it for good.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub(crate) async fn passed(&self) {
        let mut open = self.0.subscribe();
        // The sender lives in self, so the channel cannot be closed.
        let _ = open.wait_for(|open| *open).await;
    }
}
