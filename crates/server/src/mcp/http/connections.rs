//! Connections: limited in number and in time, closed after their last response.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::HttpLimits;
use crate::budget::{MemoryBudget, MemoryPermit};

/// The pause after an error such as too many open files, which does not pass at once.
const PAUSE: Duration = Duration::from_millis(200);

/// The connections of all clients.
pub(super) struct Connections {
    open: TaskTracker,
    budget: MemoryBudget,
    head: Duration,
    stopping: CancellationToken,
}

impl Connections {
    pub(super) fn new(limits: HttpLimits, stopping: CancellationToken) -> Self {
        Self {
            open: TaskTracker::new(),
            budget: MemoryBudget::new(limits.connections, 0),
            head: limits.head,
            stopping,
        }
    }

    /// Accepts connections until it is dropped.
    pub(super) async fn accept(&self, listener: &TcpListener, router: &Router) {
        loop {
            let permit = self.budget.permit(0).await;
            match listener.accept().await {
                Ok((stream, _)) => {
                    let connection = serve(stream, router.clone(), self.head, self.stopping.clone(), permit);
                    self.open.spawn(connection);
                }
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Waits until the last one is closed.
    pub(super) async fn all_closed(&self) {
        self.open.close();
        self.open.wait().await;
    }
}

/// One connection; on `stopping` it is closed after the response in flight.
async fn serve(
    stream: TcpStream,
    router: Router,
    head: Duration,
    stopping: CancellationToken,
    _permit: MemoryPermit,
) {
    // Responses are small and written whole.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended early");
    }
}
