//! How far an attempt is, for a caller who watches it.

use tokio::sync::watch;

/// A step of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It gets a session with this server.
    Connecting(String),
    /// It has one, and sends the message.
    Sending(String),
    /// Of so many recipients, so many have a final status.
    Answered {
        /// With a final status.
        done: usize,
        /// All recipients.
        all: usize,
    },
}

/// Records the steps of an attempt.
#[derive(Debug, Default)]
pub(super) struct ProgressSender(watch::Sender<Vec<Stage>>);

/// Reads the steps of an attempt, each once.
#[derive(Debug)]
pub struct Progress {
    stages: watch::Receiver<Vec<Stage>>,
    read: usize,
}

impl ProgressSender {
    pub(super) fn record(&self, stage: Stage) {
        self.0.send_modify(|stages| stages.push(stage));
    }

    /// Reads from the first step on.
    pub(super) fn subscribe(&self) -> Progress {
        Progress { stages: self.0.subscribe(), read: 0 }
    }
}

impl Progress {
    /// The next step, or `None` when the attempt has ended. Cancel safe.
    pub async fn next(&mut self) -> Option<Stage> {
        loop {
            if let Some(stage) = self.try_next() {
                return Some(stage);
            }
            if self.stages.changed().await.is_err() {
                return self.try_next();
            }
        }
    }

    fn try_next(&mut self) -> Option<Stage> {
        let stage = self.stages.borrow_and_update().get(self.read).cloned()?;
        self.read += 1;
        Some(stage)
    }
}
