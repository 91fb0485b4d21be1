//! MCP over streamable HTTP: both eras of the protocol on one URL, `/health`, and an orderly shutdown.
//!
//! * `access`: access control by Host, Origin and token; `token_throttle`: wrong tokens cost time; `cors`: what browsers ask before
//! * `accept`: what a client accepts
//! * `body`: a request's body, within limits of size and time
//! * `handler`: from a request to rmcp's response; `in_flight_body`: until that is out
//! * `sessions`: those of the older protocol
//! * `error`: error responses that rmcp does not give
//! * `health`: `GET /health`; `no_sign_in`: where clients look for OAuth
//! * `connections`: accepted, limited, closed; `places`: how many
//!
//! Admission: a request takes a permit for its whole body before the body is read, because requests whose permits grew with
//! their bodies could wait for each other. It waits up to 10 s for it, and then gets 503.
//!
//! Connections: when all places are taken, or all of one address, a further connection gets one of a few that serve only
//! `/health`, or is closed. A client that does not read its responses is disconnected, and hyper reads no further request of a
//! connection while a response waits.
//!
//! Shutdown, in this order, because rmcp answers 500 to calls in flight as soon as its token is cancelled, although their mail
//! is sent:
//!
//! 1. The listener closes, connections close after the response in flight, and a request whose body is still arriving gets 503.
//! 2. Each call runs in its own task, and each POST is in flight until its response is out; both are waited for, also when the
//!    client has disconnected.
//! 3. After 5.5 s the remaining calls are told to finish: they answer with what is known of their mail.
//! 4. rmcp's token is cancelled, which ends sessions and open streams. Then the last bytes are sent, and SMTP sessions quit.
//!
//! HTTP/1.1 only: no client speaks HTTP/2 without TLS, a proxy that terminates TLS speaks HTTP/1.1 to its upstream, and
//! fewer limits against slow and many requests are needed.

mod accept;
mod access;
mod body;
mod connections;
mod cors;
mod error;
mod handler;
mod health;
mod in_flight_body;
mod no_sign_in;
mod places;
mod sessions;
mod token_throttle;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get};
use rmcp::transport::StreamableHttpServerConfig;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::session::{ANSWERS_GRACE_PERIOD, CALLS_GRACE_PERIOD};
use crate::config::HttpConfig;
use crate::mcp::McpHandler;
use connections::{Connections, Routes};
use handler::HttpHandler;

/// From the last response until connections with unsent bytes are closed.
const CONNECTIONS_GRACE_PERIOD: Duration = Duration::from_millis(250);

/// Limits on what clients can use.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// The time limit for a request's head; also the limit for an idle connection.
    pub head: Duration,
    /// The time limit for a request's body.
    pub body: Duration,
    /// The time limit for a client to take any of a response that waits to be written.
    pub write: Duration,
    /// The longest body, in bytes.
    pub bytes: usize,
    /// Connections at the same time.
    pub connections: usize,
    /// Requests in flight at the same time, including those whose client disconnected.
    pub requests: usize,
    /// The total size of large requests in flight, in bytes.
    pub bytes_together: usize,
    /// How long a request beyond that waits before it gets 503.
    pub wait: Duration,
    /// Sessions of the older protocol at the same time; one more ends the one that is silent for longest.
    pub sessions: usize,
    /// A session without requests for this long is closed; its client has to open a new one.
    pub session_idle: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            body: Duration::from_secs(120),
            write: Duration::from_secs(20),
            bytes: super::stdio_transport::LIMIT,
            connections: 512,
            requests: 1024,
            bytes_together: 144 << 20,
            wait: Duration::from_secs(10),
            sessions: 2000,
            // A working day: not every client handles the end of its session.
            session_idle: Duration::from_secs(8 * 60 * 60),
        }
    }
}

/// Serves clients at `listener` until `stop` comes; then accepts no more calls and returns within 7.5 s, with all answers delivered.
pub async fn serve_http(
    server: McpHandler,
    listener: TcpListener,
    config: HttpConfig,
    limits: HttpLimits,
    stop: impl Future<Output = ()>,
) {
    let stopping = CancellationToken::new();
    let sessions = CancellationToken::new();
    let connections = Connections::new(limits, config.connections_per_address, stopping.clone());
    let handler =
        Arc::new(HttpHandler::new(server.clone(), config, limits, stopping.clone(), rmcp(&sessions)));
    let routes = routes(&handler);
    tokio::select! {
        () = connections.accept(&listener, &routes) => {}
        () = stop => {}
    }
    drop(listener);
    info!("no more calls are taken");
    stopping.cancel();
    server.stop();
    finish(&server, &handler).await;
    // Only after the responses are out: on this signal rmcp responds 500 to calls in flight.
    sessions.cancel();
    if timeout(CONNECTIONS_GRACE_PERIOD, connections.all_closed()).await.is_err() {
        info!("some connections were closed by force");
    }
}

/// Waits until every call has ended and every request has its response; after the grace period they are answered at once.
async fn finish(server: &McpHandler, handler: &HttpHandler) {
    let mut done = std::pin::pin!(async { tokio::join!(server.idle(), handler.all_answered()) });
    tokio::select! {
        _ = &mut done => return,
        () = sleep(CALLS_GRACE_PERIOD) => server.shutdown_deadline(),
    }
    if timeout(ANSWERS_GRACE_PERIOD, done).await.is_err() {
        warn!("stopping although some calls have no answer yet");
    }
}

/// `access` checks hosts and origins, with messages that name the setting.
fn rmcp(sessions: &CancellationToken) -> StreamableHttpServerConfig {
    StreamableHttpServerConfig::default()
        .with_legacy_session_mode(true)
        .with_json_response(true)
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(usize::MAX)
        .with_cancellation_token(sessions.clone())
}

fn routes(handler: &Arc<HttpHandler>) -> Routes {
    let health = Router::new().route("/health", get(health::report));
    let all = health
        .clone()
        .route("/mcp", any(handler::answer))
        .route("/mcp/", any(handler::answer))
        .route("/.well-known/{*path}", any(no_sign_in::report))
        .route("/mcp/.well-known/{*path}", any(no_sign_in::report))
        .route("/authorize", any(no_sign_in::report))
        .route("/token", any(no_sign_in::report))
        .route("/register", any(no_sign_in::report))
        .fallback(error::not_found)
        .layer(cors::layer(&handler.config));
    let reserved = health.fallback(error::too_many_connections);
    let with_state = |router: Router<_>| router.with_state(Arc::clone(handler));
    Routes { all: with_state(all), reserved: with_state(reserved) }
}
