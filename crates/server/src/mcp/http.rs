//! MCP over streamable HTTP: both eras of the protocol on one URL, a health answer beside it, and an end in the right order.
//!
//! * `gate`: whose requests are heard: Host, Origin, token
//! * `body`: a request's body, within its size and its time
//! * `desk`: from a request to rmcp's answer; `counted`: until that is out
//! * `refusal`: the answers that rmcp does not give
//! * `health`: `GET /health`
//! * `connections`: taken, limited, closed
//!
//! HTTP/1.1 only: no client speaks HTTP/2 without TLS, a proxy that terminates TLS speaks HTTP/1.1 to what is behind it, and
//! the limits against slow and many requests stay few.

mod body;
mod connections;
mod counted;
mod desk;
mod gate;
mod health;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get};
use rmcp::transport::StreamableHttpServerConfig;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::server::Server;
use super::session::{LAST_WORDS, PATIENCE};
use crate::config::HttpConfig;
use connections::Connections;
use desk::Desk;

/// From the last answer until connections that still hold bytes are cut.
const LAST_BYTES: Duration = Duration::from_millis(250);

/// What one client can use up at most.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// For a request's head; a connection that is idle for as long is closed.
    pub head: Duration,
    /// For a request's body.
    pub body: Duration,
    /// The longest body, in bytes.
    pub bytes: usize,
    /// Connections at the same time; more have to wait.
    pub connections: usize,
    /// Requests under way at the same time, with those whose client went away.
    pub requests: usize,
    /// What large requests under way may be together, in bytes.
    pub bytes_together: usize,
    /// A request that comes beyond that waits for so long, and is sent away then.
    pub wait: Duration,
    /// Sessions of the older protocol at the same time.
    pub sessions: usize,
    /// A session that is silent for as long ends; its client has to begin a new one.
    pub silence: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            body: Duration::from_secs(120),
            bytes: super::wire::LIMIT,
            connections: 512,
            requests: 1024,
            bytes_together: 192 << 20,
            wait: Duration::from_secs(10),
            sessions: 2000,
            // A working day: not every client copes with the end of its session.
            silence: Duration::from_secs(8 * 60 * 60),
        }
    }
}

/// Serves clients at `listener` until `stop` comes; then takes no more calls and returns within 7.5 s, the answers delivered.
pub async fn serve_http(
    server: Server,
    listener: TcpListener,
    config: HttpConfig,
    limits: HttpLimits,
    stop: impl Future<Output = ()>,
) {
    let stopping = CancellationToken::new();
    let sessions = CancellationToken::new();
    let desk = Arc::new(Desk::new(server.clone(), config, limits, stopping.clone(), rmcp(&sessions)));
    let connections = Connections::new(limits, stopping.clone());
    let router = router(Arc::clone(&desk));
    tokio::select! {
        () = connections.take(&listener, &router) => {}
        () = stop => {}
    }
    drop(listener);
    info!("no more calls are taken");
    stopping.cancel();
    finish(&server, &desk).await;
    // Not before the answers are out: rmcp answers 500 to calls that are under way when this comes.
    sessions.cancel();
    if timeout(LAST_BYTES, connections.all_closed()).await.is_err() {
        info!("some connections were cut");
    }
}

/// Waits until every call has its end and every request its answer; hurries them when their time is over.
async fn finish(server: &Server, desk: &Desk) {
    let mut done = std::pin::pin!(async { tokio::join!(server.idle(), desk.all_answered()) });
    tokio::select! {
        _ = &mut done => return,
        () = sleep(PATIENCE) => server.hurry(),
    }
    if timeout(LAST_WORDS, done).await.is_err() {
        warn!("stopping although some calls have no answer yet");
    }
}

/// Hosts and origins are checked at the gate, with words that say what to set.
fn rmcp(sessions: &CancellationToken) -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(true)
        .with_json_response(true)
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(usize::MAX)
        .with_cancellation_token(sessions.clone())
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/health", get(health::tell))
        .route("/mcp", any(desk::answer))
        .route("/mcp/", any(desk::answer))
        .fallback(refusal::nothing_here)
        .with_state(desk)
}
