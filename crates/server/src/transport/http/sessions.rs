//! Sessions of the older protocol: how many there may be, and which one ends when there are more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::session::{SessionId, SessionManager as _};
use tokio::time::Instant;

const SESSION_ID: &str = "mcp-session-id";

/// The sessions that are open.
pub(super) struct Sessions {
    pub(super) manager: Arc<LocalSessionManager>,
    most: usize,
    uses: Arc<Mutex<Uses>>,
}

type Uses = HashMap<SessionId, Use>;

/// How a session is used.
#[derive(Debug)]
struct Use {
    last: Instant,
    /// Requests and streams that are open.
    open: usize,
}

/// A request or stream of a session; the session does not end before it is dropped, unless its client ends it.
#[derive(Debug)]
pub(super) struct SessionUse {
    id: SessionId,
    uses: Arc<Mutex<Uses>>,
}

impl Drop for SessionUse {
    fn drop(&mut self) {
        if let Some(used) = lock(&self.uses).get_mut(&self.id) {
            used.open -= 1;
            used.last = Instant::now();
        }
    }
}

impl Sessions {
    /// At most `most` sessions, each of which ends when it is not used for `idle`.
    pub(super) fn new(most: usize, idle: Duration) -> Self {
        let mut manager = LocalSessionManager::default();
        manager.session_config.keep_alive = Some(idle);
        // Answers that are written are not kept for clients that might ask again: a session that falls silent would keep them.
        manager.session_config.completed_cache_ttl = Duration::ZERO;
        Self { manager: Arc::new(manager), most, uses: Arc::default() }
    }

    /// Records that a session has begun, if this is the head of a response to a handshake.
    pub(super) fn begun(&self, response: &HeaderMap) {
        if let Some(id) = session_id(response) {
            lock(&self.uses).insert(id, Use { last: Instant::now(), open: 0 });
        }
    }

    /// Records that a request of a session has begun, if this is the head of one.
    pub(super) fn used(&self, request: &HeaderMap) -> Option<SessionUse> {
        let id = session_id(request)?;
        lock(&self.uses).get_mut(&id)?.open += 1;
        Some(SessionUse { id, uses: Arc::clone(&self.uses) })
    }

    /// Makes room for one more session: if there are too many, the one ends that is silent for longest and has no open
    /// stream. If all have one there may be more: there are fewer connections than sessions.
    pub(super) async fn make_room(&self) {
        while self.manager.sessions.read().await.len() >= self.most {
            let Some(id) = self.take_longest_silent() else { return };
            let _ = self.manager.close_session(&id).await;
        }
        self.forget_ended().await;
    }

    fn take_longest_silent(&self) -> Option<SessionId> {
        let mut uses = lock(&self.uses);
        let silent = uses.iter().filter(|(_, used)| used.open == 0);
        let id = silent.min_by_key(|(_, used)| used.last).map(|(id, _)| Arc::clone(id))?;
        uses.remove(&id);
        Some(id)
    }

    /// Forgets the uses of sessions that have ended otherwise.
    async fn forget_ended(&self) {
        let sessions = self.manager.sessions.read().await;
        lock(&self.uses).retain(|id, _| sessions.contains_key(id));
    }
}

fn session_id(head: &HeaderMap) -> Option<SessionId> {
    head.get(SESSION_ID)?.to_str().ok().map(SessionId::from)
}

fn lock(uses: &Mutex<Uses>) -> MutexGuard<'_, Uses> {
    uses.lock().unwrap_or_else(PoisonError::into_inner)
}
