//! One client from its first line to the last answer.

use std::time::Duration;

use rmcp::service::{RoleServer, ServerInitializeError, Service, ServiceExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::server::Server;
use super::stdio;
use super::wire::{Ends, Wire};

/// From the end of the input until calls are hurried. With the rest and the goodbyes it stays below 8 s.
pub(super) const PATIENCE: Duration = Duration::from_millis(5500);

/// From then until the process gives up on answers.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(1500);

/// Serves the client at the process's own standard streams until it closes its end or `stop` comes; then takes no more calls and
/// returns within 7 s, the answers delivered.
pub async fn serve_stdio(server: Server, stop: impl Future<Output = ()>) {
    let hurry = {
        let server = server.clone();
        move || server.hurry()
    };
    serve_streams(server, stdio::input(), stdio::output(), stop, hurry).await;
}

/// Serves the client at `input` and `output`. `hurry` is called when calls under way have had their time and must be answered now.
pub async fn serve_streams<S, R, W>(
    service: S,
    input: R,
    output: W,
    stop: impl Future<Output = ()>,
    hurry: impl FnOnce(),
) where
    S: Service<RoleServer>,
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let ends = Ends::default();
    let mut session = std::pin::pin!(session(service, Wire::new(input, output, ends.clone())));
    tokio::select! {
        () = &mut session => return,
        () = stop => ends.stop.cancel(),
        () = ends.reached.cancelled() => {}
    }
    info!("no more calls are taken");
    tokio::select! {
        () = &mut session => return,
        () = sleep(PATIENCE) => hurry(),
    }
    if timeout(LAST_WORDS, session).await.is_err() {
        warn!("stopping although some calls have no answer yet");
    }
}

/// Ends when the input has ended and every answer was written.
async fn session<S, R, W>(service: S, wire: Wire<R, W>)
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
        // The error itself quotes the words of a panic, and these may quote a message.
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
