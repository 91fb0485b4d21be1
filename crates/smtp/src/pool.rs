//! Warm sessions of one server: each carries one message after the other, and a dead one is replaced unseen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use crate::{Cause, Content, Delivery, Envelope, Handover, Health, Phase, Server, Session, Trouble, judge};

/// How long a session may be parked. Servers hang up after minutes; a goodbye in time is theirs to count.
const PARKED: Duration = Duration::from_secs(90);
/// How many transactions a session may carry. Many servers end it after about that number.
const MESSAGES: u32 = 100;

/// The sessions of one server. Cloning it shares them.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    server: Server,
    parked_for: Duration,
    turns: Arc<Semaphore>,
    lot: Mutex<Lot>,
    /// Held while a login is tried that is not known to work.
    first_login: tokio::sync::Mutex<()>,
}

/// What is parked, and what is known about the login.
#[derive(Default)]
struct Lot {
    parked: Vec<Parked>,
    sweeping: bool,
    drained: bool,
    login_works: bool,
    login_refused: Option<Trouble>,
}

struct Parked {
    session: Session,
    since: Instant,
}

/// The right to have one session open.
pub struct Turn {
    shared: Arc<Shared>,
    permit: OwnedSemaphorePermit,
}

/// A session in hand, to carry one message. Dropped unused, it goes back.
pub struct Ready {
    session: Option<Session>,
    reused: bool,
    shared: Arc<Shared>,
    _turn: OwnedSemaphorePermit,
}

/// What a new session showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The lines of the answer to EHLO, safe to show.
    pub keywords: Vec<String>,
    /// The version of TLS, such as `TLSv1.3`. `None`: plaintext.
    pub tls_version: Option<&'static str>,
}

impl Pool {
    /// A pool that connects when asked, with at most `max_open` sessions (at least one).
    pub fn new(server: Server, max_open: usize) -> Self {
        Self::parking(server, max_open, PARKED)
    }

    fn parking(server: Server, max_open: usize, parked_for: Duration) -> Self {
        Self(Arc::new(Shared {
            server,
            parked_for,
            turns: Arc::new(Semaphore::new(max_open.clamp(1, Semaphore::MAX_PERMITS))),
            lot: Mutex::default(),
            first_login: tokio::sync::Mutex::default(),
        }))
    }

    /// A warm session that looks alive, else a new one. Waits for its turn, without a limit of its own.
    ///
    /// # Errors
    /// As [`Session::open`]. A refused login is told again without trying, whatever is warm, until
    /// [`Pool::forget_login_refusal`].
    pub async fn connect(&self) -> Result<Ready, Trouble> {
        self.turn().await?.connect().await
    }

    /// Waits until one of the sessions that may be open is free. Whoever bounds the wait knows that the server is busy,
    /// and not that it is broken.
    ///
    /// # Errors
    /// None in practice: the pool would have to be closed.
    pub async fn turn(&self) -> Result<Turn, Trouble> {
        let permit = Arc::clone(&self.0.turns).acquire_owned().await;
        let permit = permit.map_err(|_| Trouble::new(Phase::Connect, Cause::Closed))?;
        Ok(Turn { shared: Arc::clone(&self.0), permit })
    }

    /// Tries the server with a new session, whatever is parked; keeps it warm if there is room.
    ///
    /// # Errors
    /// As [`Pool::connect`].
    pub async fn probe(&self) -> Result<Facts, Trouble> {
        let session = self.0.open().await?;
        let facts = Facts { keywords: session.offers().keywords.clone(), tls_version: session.tls_version() };
        match self.0.park_if_room(session) {
            None => {}
            Some(left_over) => left_over.quit().await,
        }
        Ok(facts)
    }

    /// Forgets that the login was refused, so that it is tried once more.
    pub fn forget_login_refusal(&self) {
        self.0.lot().login_refused = None;
    }

    /// Says goodbye on every parked session, and parks no more from now on.
    pub async fn drain(&self) {
        let parked = {
            let mut lot = self.0.lot();
            lot.drained = true;
            std::mem::take(&mut lot.parked)
        };
        quit_all(parked).await;
    }
}

impl Turn {
    /// A warm session that looks alive, else a new one.
    ///
    /// # Errors
    /// As [`Pool::connect`].
    pub async fn connect(self) -> Result<Ready, Trouble> {
        let parked = self.shared.take_parked();
        let reused = parked.is_some();
        debug!(reused, "session");
        let session = match parked {
            Some(session) => session,
            None => self.shared.open().await?,
        };
        Ok(Ready { session: Some(session), reused, shared: self.shared, _turn: self.permit })
    }
}

impl Ready {
    /// Sends one message and gives the session back if it is still in step.
    ///
    /// A *reused* session that turns out dead before the server decided anything about this message, and before its last
    /// byte was handed over, is replaced once by a new one.
    pub async fn deliver(mut self, envelope: &Envelope, content: &Content, handover: &Handover) -> Delivery {
        let Some(mut session) = self.session.take() else {
            let trouble = Trouble::new(Phase::Mail, Cause::Closed);
            return Delivery::failed(envelope.recipients.len(), &trouble);
        };
        let mut delivery = session.deliver(envelope, content, handover).await;
        if self.reused && !session.is_usable() && !handover.is_handed_over() && was_dead(&delivery) {
            debug!("a warm session was dead, replaced");
            session = match self.shared.open().await {
                Ok(session) => session,
                Err(trouble) => return Delivery::failed(envelope.recipients.len(), &trouble),
            };
            delivery = session.deliver(envelope, content, handover).await;
        }
        self.shared.learn(&delivery);
        self.session = Some(session);
        delivery
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.shared.park(session);
        }
    }
}

/// Whether nothing but the end of the connection was told to anybody. A server that keeps silent is not replaced by itself:
/// the time is better spent on another one.
fn was_dead(delivery: &Delivery) -> bool {
    let dead = |trouble: &Trouble| match &trouble.cause {
        // Whoever waited for the reply to the end may have left with "unknown": that mail may not go out once more.
        _ if trouble.phase == Phase::End => false,
        Cause::Closed | Cause::Io(_) => true,
        Cause::Reply(reply) => reply.code == 421,
        _ => false,
    };
    delivery.recipients.iter().all(|end| end.as_ref().is_err_and(dead))
}

impl Shared {
    /// Nothing that runs under this lock can leave the lot half changed, so a poisoned one is as good as any.
    fn lot(&self) -> MutexGuard<'_, Lot> {
        self.lot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session. As long as no login has worked, one is tried at a time, and its refusal is everybody's.
    async fn open(&self) -> Result<Session, Trouble> {
        if self.server.credentials.is_none() {
            return Session::open(&self.server).await;
        }
        let alone = if self.lot().login_works { None } else { Some(self.first_login.lock().await) };
        if let Some(refused) = self.lot().login_refused.clone() {
            return Err(refused);
        }
        // Whoever waited for the one that worked needs to wait no longer for the others.
        let _alone = alone.filter(|_| !self.lot().login_works);
        let opened = Session::open(&self.server).await;
        match &opened {
            Ok(_) => self.lot().login_works = true,
            Err(trouble) => self.note_refusal(trouble),
        }
        opened
    }

    fn note_refusal(&self, trouble: &Trouble) {
        if judge(trouble.phase, &trouble.cause, true).health == Health::Paused {
            let mut lot = self.lot();
            lot.login_works = false;
            lot.login_refused = Some(trouble.clone());
        }
    }

    fn learn(&self, delivery: &Delivery) {
        delivery.troubles().for_each(|trouble| self.note_refusal(trouble));
    }

    fn take_parked(&self) -> Option<Session> {
        let mut lot = self.lot();
        // An earlier login is no way around the refusal of a later one.
        if lot.login_refused.is_some() && self.server.credentials.is_some() {
            return None;
        }
        while let Some(mut parked) = lot.parked.pop() {
            if parked.since.elapsed() < self.parked_for && parked.session.looks_alive() {
                return Some(parked.session);
            }
        }
        None
    }

    fn park(self: &Arc<Self>, session: Session) {
        let mut lot = self.lot();
        if lot.drained || !session.is_usable() || session.messages() >= MESSAGES {
            drop(lot);
            return part(session);
        }
        lot.parked.push(Parked { session, since: Instant::now() });
        if !std::mem::replace(&mut lot.sweeping, true) {
            spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Parks a session that has no turn, unless all sessions that may be open are.
    fn park_if_room(self: &Arc<Self>, session: Session) -> Option<Session> {
        let parked = self.lot().parked.len();
        if parked >= self.turns.available_permits() {
            return Some(session);
        }
        self.park(session);
        None
    }

    /// Takes out what was parked too long. Tells when to look again; `None`: nothing is left.
    fn expire(&self) -> (Vec<Parked>, Option<Instant>) {
        let mut lot = self.lot();
        let kept = lot.parked.partition_point(|parked| parked.since.elapsed() >= self.parked_for);
        let expired = lot.parked.drain(..kept).collect();
        let next = lot.parked.first().map(|oldest| oldest.since + self.parked_for);
        lot.sweeping = next.is_some();
        (expired, next)
    }
}

/// Ends parked sessions as their time comes, as long as there are any.
async fn sweep(shared: Weak<Shared>) {
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

async fn quit_all(parked: Vec<Parked>) {
    let mut goodbyes: JoinSet<()> = parked.into_iter().map(|parked| parked.session.quit()).collect();
    while goodbyes.join_next().await.is_some() {}
}

/// Says goodbye in the background.
fn part(session: Session) {
    spawn(session.quit());
}

/// Runs on if there is a runtime; a session dropped without one is closed without a word.
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(task);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::Pool;
    use crate::{Limits, Security, Server};

    /// Answers EHLO and QUIT on one connection, and tells what it heard.
    async fn answer(listener: &TcpListener) -> Vec<String> {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 mx\r\n").await.unwrap();
        let mut heard = Vec::new();
        let mut line = String::new();
        while stream.read_line(&mut line).await.unwrap() > 0 {
            heard.push(line.split_whitespace().next().unwrap_or_default().to_owned());
            line.clear();
            stream.write_all(b"250 ok\r\n").await.unwrap();
        }
        heard
    }

    #[tokio::test]
    async fn what_was_parked_too_long_gets_a_goodbye_unasked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            security: Security::None,
            credentials: None,
            allow_plaintext_login: false,
            ehlo_name: None,
            limits: Limits::default(),
        };
        let pool = Pool::parking(server, 1, Duration::ZERO);
        for _ in 0..2 {
            let used = async { drop(pool.connect().await.unwrap()) };
            let (heard, ()) = tokio::join!(answer(&listener), used);
            assert_eq!(heard, ["EHLO", "QUIT"]);
        }
    }
}
