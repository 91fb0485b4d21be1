//! The messages that this process is sending at the moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smtp_submission::CommitPoint;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[derive(Clone, Default)]
pub(super) struct InProgress(Arc<Mutex<HashMap<Uuid, Entry>>>);

struct Entry {
    control: Control,
    ended: CancellationToken,
}

/// What others can do about an attempt. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Control {
    /// The point of no return.
    pub(super) commit_point: CommitPoint,
    /// Cancelled when the message is.
    stop: CancellationToken,
}

impl Control {
    /// Whether the message was cancelled.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Completes when the message is cancelled and nothing of it will be sent. Never, if its last byte is out.
    pub(super) async fn stopped_in_time(&self) {
        self.stop.cancelled().await;
        if !self.commit_point.cancel() {
            std::future::pending::<()>().await;
        }
    }
}

/// A message is in progress as long as this lives.
pub(super) struct InProgressGuard {
    all: InProgress,
    id: Uuid,
}

impl InProgress {
    /// Marks a message as in progress. `None`: it already is.
    pub(super) fn enter(&self, id: Uuid, control: Control) -> Option<InProgressGuard> {
        let mut all = self.all();
        if all.contains_key(&id) {
            return None;
        }
        all.insert(id, Entry { control, ended: CancellationToken::new() });
        Some(InProgressGuard { all: self.clone(), id })
    }

    pub(super) fn contains(&self, id: Uuid) -> bool {
        self.all().contains_key(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.all().len()
    }

    /// The point of no return of the attempt.
    pub(super) fn commit_point(&self, id: Uuid) -> Option<CommitPoint> {
        self.all().get(&id).map(|entry| entry.control.commit_point.clone())
    }

    /// The message was cancelled: its attempt ends, if it can.
    pub(super) fn stop(&self, id: Uuid) {
        if let Some(entry) = self.all().get(&id) {
            entry.control.stop.cancel();
        }
    }

    /// Completes when the attempt has ended and its outcome is recorded. `None`: there is no attempt.
    pub(super) fn changed(&self, id: Uuid) -> Option<impl Future<Output = ()> + use<>> {
        self.all().get(&id).map(|entry| entry.ended.clone().cancelled_owned())
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InProgressGuard {
    fn drop(&mut self) {
        if let Some(entry) = self.all.all().remove(&self.id) {
            entry.ended.cancel();
        }
    }
}
