//! The requests that wait for their answers, so that the end of a session waits for them, too.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rmcp::model::RequestId;
use tokio::sync::Notify;

use super::load::Share;

/// Requests that were read and have no answer yet, by their ids.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// With their shares, from the moment at which they have one.
    waiting: Mutex<HashMap<RequestId, Option<Share>>>,
    landed: Notify,
}

impl Flight {
    /// A request came.
    pub(super) fn check_in(&self, id: RequestId) {
        self.with(|waiting| waiting.insert(id, None));
    }

    /// It begins, and holds its share until its answer is written.
    pub(super) fn take_off(&self, id: RequestId, share: Share) {
        self.with(|waiting| waiting.insert(id, Some(share)));
    }

    /// Whether a request with this id waits.
    pub(super) fn has(&self, id: &RequestId) -> bool {
        self.with(|waiting| waiting.contains_key(id))
    }

    /// Its answer was written, or will never be (the client cancelled it).
    pub(super) fn land(&self, id: &RequestId) {
        let is_empty = self.with(|waiting| {
            waiting.remove(id);
            waiting.is_empty()
        });
        if is_empty {
            self.landed.notify_waiters();
        }
    }

    /// Waits until every request has its answer.
    pub(super) async fn all_landed(&self) {
        loop {
            let landed = self.landed.notified();
            if self.with(|waiting| waiting.is_empty()) {
                return;
            }
            landed.await;
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<RequestId, Option<Share>>) -> T) -> T {
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
