//! The requests in flight of one client, so that it can cancel them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::RequestId;
use tokio_util::sync::CancellationToken;

/// The requests in flight of one client: each client counts its own. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Requests(Arc<Mutex<HashMap<RequestId, CancellationToken>>>);

/// A request is in flight as long as this lives.
pub(super) struct Request {
    all: Requests,
    id: RequestId,
    /// Cancelled when the client says so; not when it only leaves.
    pub(super) cancelled: CancellationToken,
}

impl Requests {
    pub(super) fn begin(&self, id: RequestId) -> Request {
        let cancelled = CancellationToken::new();
        self.all().insert(id.clone(), cancelled.clone());
        Request { all: self.clone(), id, cancelled }
    }

    pub(super) fn cancel(&self, id: &RequestId) {
        if let Some(request) = self.all().get(id) {
            request.cancel();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<RequestId, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.all.all().remove(&self.id);
    }
}
