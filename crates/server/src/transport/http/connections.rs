//! Connections: limited in number and in time, closed after their last response.

use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::HttpLimits;
use super::places::{ClientAddress, Place, Places};
use crate::file::too_many::explained;

/// The pause after an error such as too many open files, which does not pass at once.
const PAUSE: Duration = Duration::from_millis(200);
/// Between two lines in the log about such an error.
const LOG_INTERVAL: Duration = Duration::from_secs(60);
/// The time limit for a connection that only reports health.
const RESERVED: Duration = Duration::from_secs(5);
/// The most that hyper keeps of a request's head, or of responses to a client that does not read.
const BUFFER: usize = 64 << 10;
/// When the system asks an idle peer whether it is still there, and how often.
const KEEP_ALIVE: (Duration, Duration, u32) = (Duration::from_secs(60), Duration::from_secs(15), 4);

/// What connections get: all paths, or, if all regular places are taken, health alone.
#[derive(Clone)]
pub(super) struct Routes {
    pub(super) all: Router,
    pub(super) reserved: Router,
}

/// The connections of all clients.
pub(super) struct Connections {
    open: TaskTracker,
    places: Places,
    limits: HttpLimits,
    stopping: CancellationToken,
}

impl Connections {
    pub(super) fn new(limits: HttpLimits, per_address: usize, stopping: CancellationToken) -> Self {
        let places = Places::new(limits.connections, per_address);
        Self { open: TaskTracker::new(), places, limits, stopping }
    }

    /// Accepts connections until it is dropped. Those without a place are closed.
    pub(super) async fn accept(&self, listener: &TcpListener, routes: &Routes) {
        let mut next_line = Instant::now();
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => match self.places.take(peer.ip()) {
                    Some(place) => self.open(stream, place, routes),
                    None => debug!("a connection was closed: all places are taken"),
                },
                Err(error) => {
                    if Instant::now() >= next_line {
                        let error = explained(error);
                        warn!(%error, "a connection could not be accepted (one line a minute)");
                        next_line = Instant::now() + LOG_INTERVAL;
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn open(&self, stream: TcpStream, place: Place, routes: &Routes) {
        let (limits, stopping) = (self.limits, self.stopping.clone());
        if place.is_reserved {
            let serving = serve(stream, routes.reserved.clone(), limits, stopping, place);
            self.open.spawn(timeout(RESERVED, serving));
        } else {
            self.open.spawn(serve(stream, routes.all.clone(), limits, stopping, place));
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
    limits: HttpLimits,
    stopping: CancellationToken,
    place: Place,
) {
    set_options(&stream, limits.write);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(BUFFER);
    builder.keep_alive(!place.is_reserved);
    let router = router.layer(Extension(ClientAddress(place.address)));
    let service = TowerToHyperService::new(router);
    let connection = builder.serve_connection(TokioIo::new(Box::pin(stream)), service);
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

/// Responses are small and written whole. A peer that is gone, or takes nothing, is given up.
fn set_options(stream: &TcpStream, write: Duration) {
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let (time, interval, retries) = KEEP_ALIVE;
    let keep_alive = TcpKeepalive::new().with_time(time).with_interval(interval).with_retries(retries);
    let _ = socket.set_tcp_keepalive(&keep_alive);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(write));
    #[cfg(not(target_os = "linux"))]
    let _ = write;
}
