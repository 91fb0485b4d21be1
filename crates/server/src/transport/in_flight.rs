//! The requests in flight, so that the end of a session waits for their answers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rmcp::model::RequestId;
use tokio::sync::Notify;

use crate::budget::MemoryPermit;

/// Requests that were read and have no answer yet, by their ids.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// With their permits, once they have one.
    waiting: Mutex<HashMap<RequestId, Option<MemoryPermit>>>,
    finished: Notify,
}

impl InFlight {
    /// A request was read.
    pub(super) fn register(&self, id: RequestId) {
        self.with(|waiting| waiting.insert(id, None));
    }

    /// It starts, and holds its permit until its answer is written.
    pub(super) fn start(&self, id: RequestId, permit: MemoryPermit) {
        self.with(|waiting| waiting.insert(id, Some(permit)));
    }

    /// Whether a request with this id is in flight.
    pub(super) fn contains(&self, id: &RequestId) -> bool {
        self.with(|waiting| waiting.contains_key(id))
    }

    /// Its answer was written, or never will be (the client cancelled it).
    pub(super) fn finish(&self, id: &RequestId) {
        let is_empty = self.with(|waiting| {
            waiting.remove(id);
            waiting.is_empty()
        });
        if is_empty {
            self.finished.notify_waiters();
        }
    }

    /// Waits until every request has its answer.
    pub(super) async fn drained(&self) {
        loop {
            let finished = self.finished.notified();
            if self.with(|waiting| waiting.is_empty()) {
                return;
            }
            finished.await;
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<RequestId, Option<MemoryPermit>>) -> T) -> T {
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
