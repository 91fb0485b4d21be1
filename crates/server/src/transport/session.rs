//! One client over stdio, from its first line to the last answer.

use std::time::Duration;

use rmcp::service::{RoleServer, ServerInitializeError, Service, ServiceExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::stdio;
use super::stdio_transport::{SessionEnd, StdioTransport};
use crate::mcp::McpHandler;
use crate::memory::MemoryLimit;

/// From the end of the input until calls are answered at once. With the other grace periods the total stays below 8 s.
pub const CALLS_GRACE_PERIOD: Duration = Duration::from_millis(5500);

/// From then until the process stops waiting for answers.
pub(super) const ANSWERS_GRACE_PERIOD: Duration = Duration::from_millis(1500);

/// Serves the client on the standard streams until it closes its end or `stop` completes; then accepts no more calls and
/// returns within 7 s, with all answers delivered.
pub async fn serve_stdio(server: McpHandler, stop: impl Future<Output = ()>) {
    let (stopping, shutdown_deadline) = (server.clone(), server.clone());
    let on_stop = OnStop {
        stopping: move || stopping.stop(),
        shutdown_deadline: move || shutdown_deadline.shutdown_deadline(),
    };
    let memory = server.memory();
    serve_streams(server, (stdio::input(), stdio::output()), memory, stop, on_stop).await;
}

/// Serves the client on stdin and stdout with another handler; when the session stops, `stopping` ends its calls.
pub async fn serve_handler(
    handler: impl Service<RoleServer>,
    stop: impl Future<Output = ()>,
    stopping: impl FnOnce(),
) {
    let on_stop = OnStop { stopping, shutdown_deadline: || {} };
    let streams = (stdio::input(), stdio::output());
    serve_streams(handler, streams, MemoryLimit::default(), stop, on_stop).await;
}

/// What to call when a session stops.
pub struct OnStop<F, G> {
    /// No more calls are taken.
    pub stopping: F,
    /// Calls in flight must be answered now.
    pub shutdown_deadline: G,
}

/// Serves the client on `input` and `output`.
pub async fn serve_streams<S, R, W>(
    service: S,
    (input, output): (R, W),
    memory: MemoryLimit,
    stop: impl Future<Output = ()>,
    on_stop: OnStop<impl FnOnce(), impl FnOnce()>,
) where
    S: Service<RoleServer>,
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let end_of_session = SessionEnd::default();
    let mut session =
        std::pin::pin!(session(service, StdioTransport::new(input, output, memory, end_of_session.clone())));
    tokio::select! {
        () = &mut session => return,
        () = stop => end_of_session.stop.cancel(),
        () = end_of_session.reached.cancelled() => {}
    }
    info!("no more calls are taken");
    (on_stop.stopping)();
    tokio::select! {
        () = &mut session => return,
        () = sleep(CALLS_GRACE_PERIOD) => (on_stop.shutdown_deadline)(),
    }
    if timeout(ANSWERS_GRACE_PERIOD, session).await.is_err() {
        warn!("stopping although some calls have no answer yet");
    }
}

/// Returns when the input has ended and every answer was written.
async fn session<S, R, W>(service: S, wire: StdioTransport<R, W>)
where
    S: Service<RoleServer>,
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let running = match service.serve(wire).await {
        Ok(running) => running,
        Err(ServerInitializeError::ConnectionClosed(_)) => return,
        Err(error) => return warn!(reason = kind(&error), "the session could not begin"),
    };
    if let Err(error) = running.waiting().await {
        // The error itself quotes the panic message, which may quote a mail.
        warn!(panicked = error.is_panic(), "the session ended by an error inside this program");
    }
}

/// The error itself may quote the client's message.
fn kind(error: &ServerInitializeError) -> &'static str {
    match error {
        ServerInitializeError::ExpectedInitializeRequest(_) => "no request came first",
        ServerInitializeError::InitializeFailed(_) => "the handshake failed",
        ServerInitializeError::TransportError { .. } => "the output broke off",
        _ => "unexpected",
    }
}

#[cfg(test)]
mod tests;
