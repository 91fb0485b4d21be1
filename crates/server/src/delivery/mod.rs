//! Sends what is in the outbox: right after it was taken, and again when it is due; and tells those who wait how it ended.

mod attempt;
mod backoff;
mod cancel;
mod in_progress;
mod permission;
mod progress;
mod slots;
mod wait;
mod waited;
mod wire_check;
mod worker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};
use uuid::Uuid;

use crate::clock::Clock;
use crate::message::Message;
use crate::outbox::{Enqueued, NewMessage, Outbox, OutboxError, Queued, Schedule};
use crate::upstream::{Snapshot, Upstreams};
use in_progress::{Control, InProgress, InProgressGuard};
use progress::ProgressSender;
use slots::{MAX_ATTEMPTS, Slot, Slots, hold_slot};
use worker::Worker;

pub use permission::{Permission, permission};
pub use progress::{Progress, Stage};
pub use waited::Waited;

/// Messages that were just taken and wait in memory for an attempt. Beyond that, they wait in the outbox only.
const MAX_WAITING: usize = 1024;

/// The time within which an attempt must get a session with a server.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(44);

/// How often the outbox is looked at for what is due, what other processes did, and which of them are dead. What is due is told by
/// the wall clock, which jumps when a machine was asleep.
const TICK: Duration = Duration::from_millis(900);

/// From the end of the grace period until outcomes that are not recorded yet are given up.
const RECORD_TIMEOUT: Duration = Duration::from_millis(1600);

/// How often what was kept long enough is deleted.
const PURGE_EVERY: Duration = Duration::from_hours(1);

/// The same where nothing is kept after the end.
const PURGE_SOON: Duration = Duration::from_mins(1);

/// Sends messages. Clones share them.
#[derive(Clone)]
pub struct Deliveries {
    shared: Arc<Shared>,
}

struct Shared {
    worker: Worker,
    clock: Clock,
    slots: Slots,
    in_progress: InProgress,
    wake: Notify,
    /// Something that is due waits for a slot.
    has_backlog: AtomicBool,
    /// No further message is begun.
    stopping: CancellationToken,
    stopping_since: OnceLock<Instant>,
    attempts: TaskTracker,
}

/// An attempt that has a place among those in progress.
struct Started {
    entry: InProgressGuard,
    control: Control,
}

impl Deliveries {
    /// Sends what is in `outbox` through `upstreams`.
    pub fn new(outbox: Outbox, upstreams: Arc<Upstreams>, clock: Clock) -> Self {
        Self::with_attempt_timeout(outbox, upstreams, clock, ATTEMPT_TIMEOUT)
    }

    /// The same with another limit on the time within which an attempt must get a session.
    pub fn with_attempt_timeout(
        outbox: Outbox,
        upstreams: Arc<Upstreams>,
        clock: Clock,
        attempt_timeout: Duration,
    ) -> Self {
        let deliveries = Self {
            shared: Arc::new(Shared {
                worker: Worker { outbox, upstreams, attempt_timeout, deadline: CancellationToken::new() },
                clock,
                slots: Slots::default(),
                in_progress: InProgress::default(),
                wake: Notify::new(),
                has_backlog: AtomicBool::new(false),
                stopping: CancellationToken::new(),
                stopping_since: OnceLock::new(),
                attempts: TaskTracker::new(),
            }),
        };
        if let Err(error) = deliveries.serve() {
            error!("{error}");
        }
        deliveries
    }

    /// Takes a message, and sends it through the servers that it was composed for. If far too many are in progress, it waits in the
    /// outbox for its turn, as one that is to be sent later does. Returns the progress of an attempt that has begun.
    ///
    /// # Errors
    /// It was not taken; or that is not known.
    pub async fn enqueue(
        &self,
        new: NewMessage,
        servers: Arc<Snapshot>,
    ) -> Result<(Enqueued, Option<Progress>), OutboxError> {
        let message = Arc::clone(&new.message);
        // Before it can be seen in the outbox: whoever looks there for what is due would send it through other servers.
        let started = if new.schedule == Schedule::Now { self.start(new.id) } else { None };
        let enqueued = self.outbox().enqueue(new).await?;
        let Enqueued::New(queued) = enqueued else { return Ok((enqueued, None)) };
        if self.shared.in_progress.len() > MAX_WAITING {
            drop(started);
            self.shared.has_backlog.store(true, Ordering::Release);
            return Ok((enqueued, None));
        }
        let progress = started.map(|started| self.spawn(started, queued, Some((message, servers)), None));
        Ok((enqueued, progress))
    }

    /// Begins with a message that waits again, through the servers that are configured now.
    pub fn begin_again(&self, queued: Queued) -> Option<Progress> {
        Some(self.spawn(self.start(queued.id)?, queued, None, None))
    }

    /// Looks at once for what is due.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Sends what is due, until the program stops.
    pub async fn run(&self) {
        let shared = &self.shared;
        let mut purged = None;
        while !shared.stopping.is_cancelled() {
            match self.look().await {
                Ok(()) => {}
                Err(OutboxError::Unusable(problem)) => {
                    return error!("nothing is sent any more: the outbox: {problem}");
                }
                Err(error) => error!("{error}"),
            }
            let now = shared.clock.instant();
            let retention = shared.worker.upstreams.snapshot().config.retention;
            let purge_every = if shared.worker.outbox.forgets_content() { PURGE_SOON } else { PURGE_EVERY };
            if purged.is_none_or(|at| now.saturating_duration_since(at) >= purge_every) {
                purged = Some(now);
                if let Err(error) = shared.worker.outbox.purge(retention).await {
                    warn!("{error}");
                }
            }
            tokio::select! {
                () = shared.wake.notified() => {}
                () = sleep(TICK) => {}
                () = shared.stopping.cancelled() => {}
            }
        }
    }

    /// Ends what processes that are dead left behind and what nobody approved, and begins with what is due.
    async fn look(&self) -> Result<(), OutboxError> {
        self.serve()?;
        self.shared.worker.outbox.recover().await?;
        self.shared.worker.outbox.expire_approvals().await?;
        self.begin_due().await
    }

    /// Says which accounts this process can send with, and how long what has ended is kept; a reload may have changed that.
    fn serve(&self) -> Result<(), OutboxError> {
        let snapshot = self.shared.worker.upstreams.snapshot();
        self.shared.worker.outbox.set_retention(snapshot.config.retention);
        self.shared.worker.outbox.serve(snapshot.config.accounts())
    }

    /// Begins with everything that is due and for which there is a slot.
    async fn begin_due(&self) -> Result<(), OutboxError> {
        let shared = &self.shared;
        shared.has_backlog.store(true, Ordering::Release);
        while shared.slots.has_free() {
            // Those in progress may still be due in the outbox: they are not claimed until a session is ready.
            let limit = shared.in_progress.len() + MAX_ATTEMPTS;
            let due = shared.worker.outbox.due(limit).await?;
            let mut due = due.into_iter().filter(|queued| !shared.in_progress.contains(queued.id)).peekable();
            if due.peek().is_none() {
                shared.has_backlog.store(false, Ordering::Release);
                return Ok(());
            }
            let mut began = 0;
            for queued in due {
                if shared.stopping.is_cancelled() {
                    return Ok(());
                }
                let Some(slot) = shared.slots.try_acquire(queued.lane) else { continue };
                if let Some(started) = self.start(queued.id) {
                    self.spawn(started, queued, None, Some(slot));
                    began += 1;
                }
            }
            if began == 0 {
                break;
            }
        }
        Ok(())
    }

    /// From here on nothing else begins with this message. `None`: an attempt is in progress.
    fn start(&self, id: Uuid) -> Option<Started> {
        let control = Control::default();
        let entry = self.shared.in_progress.enter(id, control.clone())?;
        Some(Started { entry, control })
    }

    /// Begins an attempt, when there is a slot.
    fn spawn(
        &self,
        started: Started,
        queued: Queued,
        first: Option<(Arc<Message>, Arc<Snapshot>)>,
        slot: Option<Slot>,
    ) -> Progress {
        let Started { entry, control } = started;
        let sender = ProgressSender::default();
        let progress = sender.subscribe();
        let shared = Arc::clone(&self.shared);
        self.shared.attempts.spawn(async move {
            let slot = match slot {
                Some(slot) => Some(slot),
                None => shared.slots.acquire(queued.lane, queued.principal).await,
            };
            let attempt = shared.worker.attempt(queued, first, &control, &sender);
            let time_limit = shared.worker.attempt_timeout;
            hold_slot(attempt, slot, time_limit, || shared.wake.notify_one()).await;
            drop((sender, entry));
            if shared.has_backlog.load(Ordering::Acquire) {
                shared.wake.notify_one();
            }
        });
        progress
    }

    /// Begins with no further message that waits. What is in progress goes on until [`Deliveries::shutdown_deadline`].
    pub fn stop(&self) {
        self.shared.stopping_since.get_or_init(Instant::now);
        self.shared.stopping.cancel();
    }

    /// Ends what is in progress: what certainly was not sent goes back, and the outcome of the rest is unknown.
    pub fn shutdown_deadline(&self) {
        self.shared.worker.deadline.cancel();
    }

    /// Waits until nothing is in progress; from `grace` after [`Deliveries::stop`] on, it is ended, and soon after that not waited
    /// for any longer.
    pub async fn finish(&self, grace: Duration) {
        self.stop();
        let since = *self.shared.stopping_since.get_or_init(Instant::now);
        self.shared.attempts.close();
        if timeout_at(since + grace, self.shared.attempts.wait()).await.is_err() {
            self.shutdown_deadline();
            // Another process may hold the outbox; what is not recorded then is unknown to the next start.
            let deadline = since + grace + RECORD_TIMEOUT;
            if timeout_at(deadline, self.shared.attempts.wait()).await.is_err() {
                warn!("some outcomes could not be recorded in time");
            }
        }
    }

    /// The outbox that it sends from.
    pub fn outbox(&self) -> &Outbox {
        &self.shared.worker.outbox
    }
}
