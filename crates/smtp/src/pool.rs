//! A connection pool for one server: sessions are used again, and a dead one is replaced.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use self::failure::is_connection_limit;
use self::idle::{IdleSession, IdleSessions, close_in_background, quit_all, reap, spawn};
use self::turn::Turn;
use self::window::Window;
use crate::boot_time::boot_time;
use crate::counters::{Counted, Counter};
use crate::{Counters, Error, ErrorKind, Phase, ServerParams, Session};

mod failure;
mod idle;
mod login;
mod pace;
mod size;
mod turn;
mod window;

use self::pace::Pace;
pub use self::window::PooledSession;

/// How long a session may be idle. Servers close idle connections after some minutes; QUIT should come first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// How long to wait for the pace to allow a message: whoever waits here keeps messages for other servers waiting.
const PACE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a server may take to notice that a connection is closed.
const CLOSE_NOTICED_AFTER: Duration = Duration::from_millis(200);
/// How many transactions a session may carry. Many servers close it after about that number.
const MAX_MESSAGES: u32 = 100;
/// How long a session may be used. A name may stand for another machine by then.
const MAX_AGE: Duration = Duration::from_mins(10);

/// The sessions of one server. Cloning it shares them.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    server: ServerParams,
    idle_timeout: Duration,
    /// The time, as [`boot_time`] tells it.
    now: fn() -> Duration,
    permits: Arc<Semaphore>,
    counter: Arc<Counter>,
    slots: Mutex<Slots>,
    /// Held by the one whose turn is next, until the pace allows it.
    pacing: tokio::sync::Mutex<()>,
    /// Held while a login is tried that has not worked yet.
    first_login: tokio::sync::Mutex<()>,
    /// Held while the server is checked, with a session that has no permit.
    checking: tokio::sync::Mutex<()>,
}

/// The idle sessions, and what is known about the login.
#[derive(Default)]
struct Slots {
    idle: IdleSessions,
    reaping: bool,
    closed: bool,
    /// How many sessions may be open.
    size: usize,
    pace: Pace,
    /// It has refused a message because of the number of connections.
    wants_fewer: bool,
    login_works: bool,
    login_refused: Option<Error>,
    /// Those who wait for a session, in order: each takes a place in another's as soon as one is offered. Closed: it waits no more.
    waiting: VecDeque<oneshot::Sender<PooledSession>>,
    /// Extensions that the server offers and refuses.
    refused_extensions: Vec<&'static str>,
}

/// What a new session showed about the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// The lines of the reply to EHLO, safe to display.
    pub keywords: Vec<String>,
    /// The version of TLS, such as `TLSv1.3`. `None`: plaintext.
    pub tls_version: Option<&'static str>,
}

impl Pool {
    /// A pool that connects on demand, with at most `max_open` sessions (at least one).
    pub fn new(server: ServerParams, max_open: usize) -> Self {
        Self::with_max_rate(server, max_open, None)
    }

    /// The same, with at most `max_rate` messages in any minute.
    pub fn with_max_rate(server: ServerParams, max_open: usize, max_rate: Option<usize>) -> Self {
        Self::with_clock(server, max_open, Pace::new(max_rate), IDLE_TIMEOUT, boot_time)
    }

    fn with_clock(
        server: ServerParams,
        max_open: usize,
        pace: Pace,
        idle_timeout: Duration,
        now: fn() -> Duration,
    ) -> Self {
        let size = max_open.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Shared {
            server,
            idle_timeout,
            now,
            permits: Arc::new(Semaphore::new(size)),
            counter: Arc::default(),
            slots: Mutex::new(Slots { size, pace, ..Slots::default() }),
            pacing: tokio::sync::Mutex::default(),
            first_login: tokio::sync::Mutex::default(),
            checking: tokio::sync::Mutex::default(),
        }))
    }

    /// An idle session that looks alive, else a new one. Waits without a limit of its own until another connection may
    /// be open. If the server takes no further one while others are open, the pool stays at that size for some minutes.
    ///
    /// # Errors
    /// As [`Session::open`]. After a refused login the same error is returned without connecting, until
    /// [`Pool::forget_login_refusal`].
    pub async fn connect(&self) -> Result<PooledSession, Error> {
        let counted = self.0.await_pace().await;
        self.counted(counted, self.connect_now().await)
    }

    async fn connect_now(&self) -> Result<PooledSession, Error> {
        loop {
            let connected = match self.turn().await? {
                Turn::Place(place) => Some(place),
                Turn::Permit(permit) => self.connect_with(permit).await?,
            };
            match connected {
                Some(session) => return Ok(session),
                None => drop(self.0.checking.lock().await),
            }
        }
    }

    /// As [`Pool::connect`], within `time_limit`.
    ///
    /// # Errors
    /// As [`Pool::connect`]; [`ErrorKind::Busy`] if no connection was free in time, and [`ErrorKind::TimedOut`] with the
    /// time that was left for connecting, if that was not enough. So a busy server can be told from a broken one.
    /// [`ErrorKind::Paced`] if the pace of the server does not allow a further message within seconds.
    pub async fn connect_within(&self, time_limit: Duration) -> Result<PooledSession, Error> {
        let deadline = Instant::now() + time_limit;
        let patience = deadline.min(Instant::now() + PACE_PATIENCE);
        let Ok(counted) = timeout_at(patience, self.0.await_pace()).await else {
            return Err(Error::new(Phase::Connect, ErrorKind::Paced(self.0.wait_for_pace())));
        };
        self.counted(counted, self.connect_before(deadline, time_limit).await)
    }

    /// Without a session no message is sent, so none counts.
    fn counted(
        &self,
        counted: Duration,
        connected: Result<PooledSession, Error>,
    ) -> Result<PooledSession, Error> {
        match connected {
            Ok(session) => Ok(session.counted(counted)),
            Err(error) => {
                self.0.slots().pace.correct(counted, None);
                Err(error)
            }
        }
    }

    async fn connect_before(&self, deadline: Instant, time_limit: Duration) -> Result<PooledSession, Error> {
        let failed = |kind| Error::new(Phase::Connect, kind);
        loop {
            let Ok(turn) = timeout_at(deadline, self.turn()).await else {
                return Err(failed(ErrorKind::Busy(time_limit)));
            };
            let permit = match turn? {
                Turn::Place(place) => return Ok(place),
                Turn::Permit(permit) => permit,
            };
            let began = Instant::now();
            match timeout_at(deadline, self.connect_with(permit)).await {
                Ok(Ok(None)) => {
                    let end_of_check = timeout_at(deadline, self.0.checking.lock()).await;
                    drop(end_of_check.map_err(|_| failed(ErrorKind::Busy(time_limit)))?);
                }
                Ok(Ok(Some(session))) => return Ok(session),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(failed(ErrorKind::TimedOut(began.elapsed()))),
            }
        }
    }

    /// `None`: the server takes no further connection. The permit is gone, and another one must be waited for, or for the end of a
    /// check.
    async fn connect_with(&self, permit: OwnedSemaphorePermit) -> Result<Option<PooledSession>, Error> {
        let idle = self.0.take_idle();
        let reused = idle.is_some();
        self.0.counter.add(Counted::SessionsReused, usize::from(reused));
        debug!(reused, "session");
        let session = match idle {
            Some(session) => session,
            None => match self.0.open().await {
                Err(error) if is_connection_limit(&error) && self.0.others_in_use() => {
                    self.0.reduce_size(permit);
                    return Ok(None);
                }
                Err(error) if is_connection_limit(&error) && self.0.has_others() => return Ok(None),
                opened => opened?,
            },
        };
        Ok(Some(self.share(&Window::new(Arc::clone(&self.0), session, reused, permit))))
    }

    /// Checks the server with a new session, and keeps the session if there is room. If the server takes no further connection,
    /// one of those that are open is waited for and closed.
    ///
    /// # Errors
    /// As [`Pool::connect`].
    pub async fn check(&self) -> Result<ServerInfo, Error> {
        let _alone = self.0.checking.lock().await;
        let session = match self.0.open().await {
            Err(error) if is_connection_limit(&error) && self.0.has_sessions() => self.open_instead().await?,
            opened => opened?,
        };
        let info = ServerInfo {
            keywords: session.extensions().keywords.clone(),
            tls_version: session.tls_version(),
        };
        match self.0.put_back_if_room(session) {
            None => {}
            Some(left_over) => left_over.quit().await,
        }
        Ok(info)
    }

    /// A new session in the place of one of those that are open, once it is free.
    async fn open_instead(&self) -> Result<Session, Error> {
        loop {
            let permit = self.permit().await?;
            match self.0.take_idle() {
                Some(idle) => {
                    idle.quit().await;
                    return self.0.open_after_closing().await;
                }
                None if self.0.others_in_use() => self.0.reduce_size(permit),
                None => return self.0.open().await,
            }
        }
    }

    /// What its sessions did so far.
    pub fn counters(&self) -> Counters {
        self.0.counter.read()
    }

    /// Forgets that the login was refused, so that it is tried once more.
    pub fn forget_login_refusal(&self) {
        self.0.slots().login_refused = None;
    }

    /// Sends QUIT on every idle session, and keeps none from now on.
    pub async fn drain(&self) {
        let idle = {
            let mut slots = self.0.slots();
            slots.closed = true;
            slots.idle.take_all()
        };
        quit_all(idle).await;
        debug!(counters = ?self.counters(), "no session is kept any more");
    }
}

impl Shared {
    /// No code under this lock can leave it inconsistent, so a poisoned lock is safe to use.
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new session in the place of one that was closed just now.
    async fn open_after_closing(&self) -> Result<Session, Error> {
        match self.open().await {
            Err(error) if is_connection_limit(&error) => {
                sleep(CLOSE_NOTICED_AFTER).await;
                self.open().await
            }
            opened => opened,
        }
    }

    fn take_idle(&self) -> Option<Session> {
        let mut slots = self.slots();
        // A session with an earlier login must not bypass a later refusal.
        if slots.login_refused.is_some() && self.server.credentials.is_some() {
            return None;
        }
        slots.idle.take((self.now)(), self.idle_timeout)
    }

    fn put_back(self: &Arc<Self>, session: Session) {
        let mut slots = self.slots();
        let is_worn = session.messages() >= MAX_MESSAGES || session.age() >= MAX_AGE;
        if slots.closed || !session.is_usable() || is_worn {
            drop(slots);
            return close_in_background(session);
        }
        slots.idle.put((self.now)(), session);
        if !std::mem::replace(&mut slots.reaping, true) {
            spawn(reap(Arc::downgrade(self)));
        }
    }

    /// Puts back a session that has no permit, unless all permits are in use.
    fn put_back_if_room(self: &Arc<Self>, session: Session) -> Option<Session> {
        let idle = self.slots().idle.len();
        if idle >= self.permits.available_permits() {
            return Some(session);
        }
        self.put_back(session);
        None
    }

    /// Removes sessions that were idle too long. Returns how long to wait before the next look; `None`: no session is left.
    fn expire(&self) -> (Vec<IdleSession>, Option<Duration>) {
        let mut slots = self.slots();
        let (expired, next) = slots.idle.expire((self.now)(), self.idle_timeout);
        slots.reaping = next.is_some();
        (expired, next)
    }
}

#[cfg(test)]
mod tests;
