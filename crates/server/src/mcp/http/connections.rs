//! Connections: taken as long as there is room, limited in time, closed when their last answer is out.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::HttpLimits;

/// After an error such as too many open files, which does not go away at once.
const PAUSE: Duration = Duration::from_millis(200);

/// The connections of all clients.
pub(super) struct Connections {
    open: TaskTracker,
    room: Arc<Semaphore>,
    head: Duration,
    stopping: CancellationToken,
}

impl Connections {
    pub(super) fn new(limits: HttpLimits, stopping: CancellationToken) -> Self {
        let room = Arc::new(Semaphore::new(limits.connections));
        Self { open: TaskTracker::new(), room, head: limits.head, stopping }
    }

    /// Takes connections for as long as it is asked to.
    pub(super) async fn take(&self, listener: &TcpListener, router: &Router) {
        while let Ok(permit) = Arc::clone(&self.room).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let connection = serve(stream, router.clone(), self.head, self.stopping.clone(), permit);
                    self.open.spawn(connection);
                }
                Err(error) => {
                    warn!(%error, "a connection could not be taken");
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

/// One connection; on `stopping` it is closed behind the answer that is under way.
async fn serve(
    stream: TcpStream,
    router: Router,
    head: Duration,
    stopping: CancellationToken,
    _permit: OwnedSemaphorePermit,
) {
    // Answers are small and written whole.
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
