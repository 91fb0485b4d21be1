//! Dispatches messages: the configured servers, and deliveries until every recipient has a final status.

mod advice;
mod attempt;
pub mod changes;
mod delivery;
mod delivery_state;
mod health;
mod recovery;
pub mod report;
mod route;
mod snapshot;
mod test;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use smtp_submission::{CommitPoint, Phase};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::clock::Clock;
use crate::config::{self, Config, ConfigErrors, ConfigSources};
use crate::message::Message;
use crate::outcome::{Outcome, RecipientStatus};
use changes::Changes;
use delivery_state::DeliveryState;
use report::{Availability, ConnectionTest, ReloadError, Reloaded, ServersStatus, Switched};
pub use snapshot::Snapshot;
use upstream::Upstream;

/// The servers in use, their health and their sessions. One for each process.
pub struct Dispatch {
    snapshot: ArcSwap<Snapshot>,
    /// Serialises reloads, switches and reconnects. It holds the servers that a failed reload left paused because the login was
    /// refused: the next reload must not try them as new ones.
    changing: tokio::sync::Mutex<Vec<Arc<Upstream>>>,
    origin: ConfigSources,
    clock: Clock,
    deliveries: TaskTracker,
    shutdown_deadline: CancellationToken,
}

impl Dispatch {
    /// Prepares the servers of `config`; connects to none.
    ///
    /// # Errors
    /// A server's certificates cannot be used.
    pub fn new(origin: ConfigSources, config: Config, clock: Clock) -> Result<Self, ConfigErrors> {
        Ok(Self {
            snapshot: ArcSwap::from_pointee(Snapshot::build(config, &[], None, &clock)?),
            changing: tokio::sync::Mutex::default(),
            origin,
            clock,
            deliveries: TaskTracker::new(),
            shutdown_deadline: CancellationToken::new(),
        })
    }

    /// The current snapshot. A call takes it once and uses it to its end.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Sends `message` through the servers of `snapshot`; returns within `wait` with what is known by then.
    ///
    /// Dropping the future does not stop the delivery. When `wait` is over, a delivery whose last byte was not sent is
    /// cancelled; otherwise it goes on in the background and its result is logged.
    pub async fn send(&self, snapshot: Arc<Snapshot>, message: Arc<Message>, wait: Duration) -> Outcome {
        let began = Instant::now();
        let deadline = began + wait;
        // The delivery records its result before its caller is answered.
        let close = deadline - (wait / 20).min(ANSWER_GRACE_PERIOD);
        let state = Arc::new(DeliveryState::new(&message));
        let commit_point = CommitPoint::new();
        let mut delivery = self.deliveries.spawn({
            let (state, commit_point) = (Arc::clone(&state), commit_point.clone());
            async move { delivery::deliver(&snapshot, &message, &commit_point, &state, close).await }
        });
        tokio::select! {
            ended = &mut delivery => if ended.is_err() { after_a_panic(&state, &commit_point) },
            why = self.wait_limit(deadline) => {
                if commit_point.cancel() {
                    delivery.abort();
                    let words = format!("stopped before its last byte was sent, because {why}");
                    state.close(RecipientStatus::Deferred, Phase::Data, &words, false);
                } else {
                    state.close(RecipientStatus::Unknown, Phase::EndOfData, STILL_WAITING, true);
                    info!("a delivery continues without its caller");
                }
            }
        }
        let (recipients, server) = state.read();
        Outcome { recipients, server, duration: began.elapsed() }
    }

    /// Answers every call that waits for a delivery now, with what is known.
    pub fn shutdown_deadline(&self) {
        self.shutdown_deadline.cancel();
    }

    /// Returns when a caller can wait no longer, with the reason.
    async fn wait_limit(&self, deadline: Instant) -> &'static str {
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => "the time ran out",
            () = self.shutdown_deadline.cancelled() => "the program is stopping",
        }
    }

    /// Connects to every server at the same time, negotiates TLS, logs in, sends no mail.
    pub async fn test(&self) -> ConnectionTest {
        test::test_all(&self.snapshot().servers).await
    }

    /// The servers and their health.
    pub fn status(&self) -> ServersStatus {
        let snapshot = self.snapshot();
        let current = route::current(&snapshot).map(|server| server.name().to_owned());
        let status = |server: &Arc<Upstream>| server.status(current.as_deref() == Some(server.name()));
        ServersStatus { servers: snapshot.servers.iter().map(status).collect() }
    }

    /// Connects to the server called `name` and makes it the first for all later mail. If it cannot connect, nothing changes.
    pub async fn switch(&self, name: &str) -> Switched {
        let _alone = self.changing.lock().await;
        let snapshot = self.snapshot();
        let Some(server) = snapshot.server(name) else {
            return Switched::NoSuchServer(name.to_owned());
        };
        let tested = test::test_one(server).await;
        if let Err(words) = tested.result {
            return Switched::Unreachable(server.status(false), words);
        }
        self.snapshot.store(Arc::new(snapshot.preferring(name)));
        info!(server = name, "switched: it is tried first from now on");
        Switched::Done(server.status(true))
    }

    /// Reloads the configuration and applies it, all or nothing. Calls in flight finish with the old one.
    ///
    /// # Errors
    /// The new configuration is invalid or none of its servers is usable; the old one stays in use.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let mut refused = self.changing.lock().await;
        let old = self.snapshot();
        let invalid = |problems: ConfigErrors| ReloadError {
            step: "validate",
            message: problems.to_string(),
            connection_test: None,
        };
        let config = config::load(&self.origin).map_err(invalid)?;
        let from_environment_only = config.from_environment_only;
        let changes = Changes::between(&old.config, &config);
        let known: Vec<_> = old.servers.iter().chain(refused.iter()).cloned().collect();
        let new = Snapshot::build(config, &known, old.preferred.as_deref(), &self.clock).map_err(invalid)?;
        let connection_test = test::test_all(&new.servers).await;
        refused.clear();
        if connection_test.successful() == 0 {
            refused.extend(
                new.servers.into_iter().filter(|server| server.availability() == Availability::Paused),
            );
            let message = "none of the new servers is usable".to_owned();
            return Err(ReloadError { step: "connect", message, connection_test: Some(connection_test) });
        }
        info!(changes = changes.total(), servers = new.servers.len(), "configuration reloaded");
        self.replace(&old, new);
        Ok(Reloaded { changes, connection_test, from_environment_only })
    }

    /// Closes idle sessions, forgets failures and tests all servers. A refused login stays refused until a login succeeds.
    pub async fn reconnect(&self) -> ConnectionTest {
        let _alone = self.changing.lock().await;
        let old = self.snapshot();
        if let Ok(new) = old.fresh() {
            self.replace(&old, new);
        }
        self.test().await
    }

    fn replace(&self, old: &Snapshot, new: Snapshot) {
        let kept = |server: &&Arc<Upstream>| new.servers.iter().any(|other| Arc::ptr_eq(other, server));
        let gone: Vec<_> = old.servers.iter().filter(|server| !kept(server)).cloned().collect();
        self.snapshot.store(Arc::new(new));
        // QUIT takes time if a server hangs; nothing has to wait for it.
        tokio::spawn(async move {
            for server in gone {
                server.pool.drain().await;
            }
        });
    }

    /// Closes all idle sessions with QUIT. Does not wait for deliveries in flight.
    pub async fn drain(&self) {
        for server in &self.snapshot().servers {
            server.pool.drain().await;
        }
    }
}

/// The time between the end of a delivery's connection attempts and the answer.
const ANSWER_GRACE_PERIOD: Duration = Duration::from_secs(1);

const STILL_WAITING: &str = "still waiting for the server's answer to the end of the mail";

/// Sets the status after a panic in a delivery: if its last byte was not sent, it was not sent.
fn after_a_panic(state: &DeliveryState, commit_point: &CommitPoint) {
    let words = "an error inside this program ended the delivery; please report it";
    let status = if commit_point.cancel() { RecipientStatus::Deferred } else { RecipientStatus::Unknown };
    state.close(status, Phase::Data, words, true);
}
