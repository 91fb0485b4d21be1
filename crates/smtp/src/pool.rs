//! A connection pool for one server: sessions are used again, and a dead one is replaced.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::debug;

use crate::{
    CommitPoint, Content, Delivery, Envelope, Error, ErrorKind, HealthImpact, Phase, ServerParams, Session,
};

/// How long a session may be idle. Servers close idle connections after some minutes; QUIT should come first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// How many transactions a session may carry. Many servers close it after about that number.
const MAX_MESSAGES: u32 = 100;

/// The sessions of one server. Cloning it shares them.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    server: ServerParams,
    idle_timeout: Duration,
    permits: Arc<Semaphore>,
    slots: Mutex<Slots>,
    /// Held while a login is tried that has not worked yet.
    first_login: tokio::sync::Mutex<()>,
}

/// The idle sessions, and what is known about the login.
#[derive(Default)]
struct Slots {
    idle: Vec<IdleSession>,
    reaping: bool,
    closed: bool,
    login_works: bool,
    login_refused: Option<Error>,
}

struct IdleSession {
    session: Session,
    since: Instant,
}

/// A session for one message. If dropped unused, it goes back to the pool.
pub struct PooledSession {
    session: Option<Session>,
    reused: bool,
    shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
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
        Self::with_idle_timeout(server, max_open, IDLE_TIMEOUT)
    }

    fn with_idle_timeout(server: ServerParams, max_open: usize, idle_timeout: Duration) -> Self {
        Self(Arc::new(Shared {
            server,
            idle_timeout,
            permits: Arc::new(Semaphore::new(max_open.clamp(1, Semaphore::MAX_PERMITS))),
            slots: Mutex::default(),
            first_login: tokio::sync::Mutex::default(),
        }))
    }

    /// An idle session that looks alive, else a new one. Waits without a limit of its own until another connection may
    /// be open.
    ///
    /// # Errors
    /// As [`Session::open`]. After a refused login the same error is returned without connecting, until
    /// [`Pool::forget_login_refusal`].
    pub async fn connect(&self) -> Result<PooledSession, Error> {
        self.connect_with(self.permit().await?).await
    }

    /// As [`Pool::connect`], within `time_limit`.
    ///
    /// # Errors
    /// As [`Pool::connect`]; [`ErrorKind::Busy`] if no connection was free in time, and [`ErrorKind::TimedOut`] with the
    /// time that was left for connecting, if that was not enough. So a busy server can be told from a broken one.
    pub async fn connect_within(&self, time_limit: Duration) -> Result<PooledSession, Error> {
        let deadline = Instant::now() + time_limit;
        let failed = |kind| Error::new(Phase::Connect, kind);
        let Ok(permit) = timeout_at(deadline, self.permit()).await else {
            return Err(failed(ErrorKind::Busy(time_limit)));
        };
        let began = Instant::now();
        let connected = timeout_at(deadline, self.connect_with(permit?)).await;
        connected.unwrap_or_else(|_| Err(failed(ErrorKind::TimedOut(began.elapsed()))))
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await;
        // The semaphore is never closed.
        permit.map_err(|_| Error::new(Phase::Connect, ErrorKind::Closed))
    }

    async fn connect_with(&self, permit: OwnedSemaphorePermit) -> Result<PooledSession, Error> {
        let idle = self.0.take_idle();
        let reused = idle.is_some();
        debug!(reused, "session");
        let session = match idle {
            Some(session) => session,
            None => self.0.open().await?,
        };
        Ok(PooledSession { session: Some(session), reused, shared: Arc::clone(&self.0), _permit: permit })
    }

    /// Checks the server with a new session, and keeps the session if there is room.
    ///
    /// # Errors
    /// As [`Pool::connect`].
    pub async fn check(&self) -> Result<ServerInfo, Error> {
        let session = self.0.open().await?;
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

    /// Forgets that the login was refused, so that it is tried once more.
    pub fn forget_login_refusal(&self) {
        self.0.slots().login_refused = None;
    }

    /// Sends QUIT on every idle session, and keeps none from now on.
    pub async fn drain(&self) {
        let idle = {
            let mut slots = self.0.slots();
            slots.closed = true;
            std::mem::take(&mut slots.idle)
        };
        quit_all(idle).await;
    }
}

impl PooledSession {
    /// Sends one message and puts the session back if it is still in sync.
    ///
    /// A *reused* session that turns out to be dead before the server decided anything about this message, and before the last
    /// byte was sent, is replaced once by a new one.
    pub async fn deliver(
        mut self,
        envelope: &Envelope,
        content: &Content,
        commit_point: &CommitPoint,
    ) -> Delivery {
        let Some(mut session) = self.session.take() else {
            let error = Error::new(Phase::Mail, ErrorKind::Closed);
            return Delivery::failed(envelope.recipients.len(), &error);
        };
        let mut delivery = session.deliver(envelope, content, commit_point).await;
        if self.reused && !session.is_usable() && !commit_point.is_committed() && was_dead(&delivery) {
            debug!("a warm session was dead, replaced");
            session = match self.shared.open().await {
                Ok(session) => session,
                Err(error) => return Delivery::failed(envelope.recipients.len(), &error),
            };
            delivery = session.deliver(envelope, content, commit_point).await;
        }
        self.shared.learn(&delivery);
        self.session = Some(session);
        delivery
    }
}

impl Drop for PooledSession {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.shared.put_back(session);
        }
    }
}

/// Whether the only failure is the end of the connection. After a timeout the same server is not tried again:
/// the time is better spent on another one.
fn was_dead(delivery: &Delivery) -> bool {
    let dead = |error: &Error| match &error.kind {
        // After the end of the data the caller may have been told "unknown": that mail must not be sent again.
        _ if error.phase == Phase::EndOfData => false,
        ErrorKind::Closed | ErrorKind::Io(_) => true,
        ErrorKind::Reply(reply) => reply.code == 421,
        _ => false,
    };
    delivery.recipients.iter().all(|end| end.as_ref().is_err_and(dead))
}

impl Shared {
    /// No code under this lock can leave it inconsistent, so a poisoned lock is safe to use.
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session. Until a login has worked, one is tried at a time, and its refusal applies to all callers.
    async fn open(&self) -> Result<Session, Error> {
        if self.server.credentials.is_none() {
            return Session::open(&self.server).await;
        }
        let alone = if self.slots().login_works { None } else { Some(self.first_login.lock().await) };
        if let Some(refused) = self.slots().login_refused.clone() {
            return Err(refused);
        }
        // After the first success the waiting callers need not wait for each other.
        let _alone = alone.filter(|_| !self.slots().login_works);
        let opened = Session::open(&self.server).await;
        match &opened {
            Ok(_) => self.slots().login_works = true,
            Err(error) => self.note_refusal(error),
        }
        opened
    }

    fn note_refusal(&self, error: &Error) {
        if error.classify().health == HealthImpact::AuthFailure {
            let mut slots = self.slots();
            slots.login_works = false;
            slots.login_refused = Some(error.clone());
        }
    }

    fn learn(&self, delivery: &Delivery) {
        delivery.errors().for_each(|error| self.note_refusal(error));
    }

    fn take_idle(&self) -> Option<Session> {
        let mut slots = self.slots();
        // A session with an earlier login must not bypass a later refusal.
        if slots.login_refused.is_some() && self.server.credentials.is_some() {
            return None;
        }
        while let Some(mut idle) = slots.idle.pop() {
            if idle.since.elapsed() < self.idle_timeout && idle.session.looks_alive() {
                return Some(idle.session);
            }
        }
        None
    }

    fn put_back(self: &Arc<Self>, session: Session) {
        let mut slots = self.slots();
        if slots.closed || !session.is_usable() || session.messages() >= MAX_MESSAGES {
            drop(slots);
            return close_in_background(session);
        }
        slots.idle.push(IdleSession { session, since: Instant::now() });
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

    /// Removes sessions that were idle too long. Returns when to look again; `None`: no session is left.
    fn expire(&self) -> (Vec<IdleSession>, Option<Instant>) {
        let mut slots = self.slots();
        let kept = slots.idle.partition_point(|idle| idle.since.elapsed() >= self.idle_timeout);
        let expired = slots.idle.drain(..kept).collect();
        let next = slots.idle.first().map(|oldest| oldest.since + self.idle_timeout);
        slots.reaping = next.is_some();
        (expired, next)
    }
}

/// Closes idle sessions when their time is over, as long as there are any.
async fn reap(shared: Weak<Shared>) {
    loop {
        let Some(strong) = shared.upgrade() else {
            return;
        };
        let (expired, next) = strong.expire();
        drop(strong);
        quit_all(expired).await;
        match next {
            Some(next) => sleep_until(next).await,
            None => return,
        }
    }
}

async fn quit_all(idle: Vec<IdleSession>) {
    let mut quits: JoinSet<()> = idle.into_iter().map(|idle| idle.session.quit()).collect();
    while quits.join_next().await.is_some() {}
}

/// Sends QUIT and closes, in the background.
fn close_in_background(session: Session) {
    spawn(session.quit());
}

/// Runs only if there is a runtime; a session dropped outside of one is closed without QUIT.
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(task);
    }
}

#[cfg(test)]
mod tests;
