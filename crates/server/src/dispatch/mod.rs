//! The way out: a message goes through the servers until each recipient has an end.

mod attempt;
pub mod changes;
mod delivery;
mod health;
mod ledger;
mod probe;
pub mod report;
mod route;
mod server;
mod setup;
mod test;
mod words;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use smtp_submission::{CommitPoint, Phase};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::clock::Clock;
use crate::config::{self, Config, Origin, Problems};
use crate::message::Message;
use crate::outcome::{Fate, Outcome};
use changes::Changes;
use ledger::Ledger;
use report::{Condition, ConnectionTest, NotReloaded, Reloaded, ServersStatus, Switched};
pub use setup::Setup;

/// The servers in force, their health and their warm sessions. One for each process.
pub struct Dispatch {
    setup: ArcSwap<Setup>,
    /// Reloads, switches and reconnects come one after the other. It holds what a reload tried in vain because the login was
    /// refused: the next reload must not try it as if nothing had happened.
    changing: tokio::sync::Mutex<Vec<server::Shared>>,
    origin: Origin,
    clock: Clock,
    underway: TaskTracker,
    hurry: CancellationToken,
}

impl Dispatch {
    /// Builds the servers of `config`; connects to none.
    ///
    /// # Errors
    /// When a server's certificates cannot be used.
    pub fn new(origin: Origin, config: Config, clock: Clock) -> Result<Self, Problems> {
        Ok(Self {
            setup: ArcSwap::from_pointee(Setup::build(config, &[], None, &clock)?),
            changing: tokio::sync::Mutex::default(),
            origin,
            clock,
            underway: TaskTracker::new(),
            hurry: CancellationToken::new(),
        })
    }

    /// What is in force now. A call takes it once and uses it to its end.
    pub fn setup(&self) -> Arc<Setup> {
        self.setup.load_full()
    }

    /// Sends `message` through the servers of `setup`; answers within `wait` with the truth as far as it is known.
    ///
    /// Whoever stops waiting for the answer does not stop the delivery. When `wait` is over, a delivery that has not come to
    /// its last byte is stopped, and one that has goes on by itself: its end is logged.
    pub async fn send(&self, setup: Arc<Setup>, message: Arc<Message>, wait: Duration) -> Outcome {
        let began = Instant::now();
        let deadline = began + wait;
        // The delivery writes down what it found out before its caller is answered.
        let close = deadline - (wait / 20).min(LAST_WORDS);
        let ledger = Arc::new(Ledger::new(&message));
        let commit_point = CommitPoint::new();
        let mut delivery = self.underway.spawn({
            let (ledger, commit_point) = (Arc::clone(&ledger), commit_point.clone());
            async move { delivery::deliver(&setup, &message, &commit_point, &ledger, close).await }
        });
        tokio::select! {
            ended = &mut delivery => if ended.is_err() { after_a_panic(&ledger, &commit_point) },
            why = self.out_of_patience(deadline) => {
                if commit_point.cancel() {
                    delivery.abort();
                    let words = format!("stopped before its last byte was sent, because {why}");
                    ledger.close(Fate::Later, Phase::Data, &words, false);
                } else {
                    ledger.close(Fate::Unknown, Phase::EndOfData, STILL_WAITING, true);
                    info!("a delivery goes on without its caller");
                }
            }
        }
        let (recipients, server) = ledger.read();
        Outcome { recipients, server, duration: began.elapsed() }
    }

    /// Every call that waits for a delivery is answered now, with the truth as far as it is known.
    pub fn hurry(&self) {
        self.hurry.cancel();
    }

    /// Returns when a caller can wait no longer, and says why.
    async fn out_of_patience(&self, deadline: Instant) -> &'static str {
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => "the time was over",
            () = self.hurry.cancelled() => "the program is stopping",
        }
    }

    /// Connects to every server at the same time, negotiates TLS, logs in, sends no mail.
    pub async fn test(&self) -> ConnectionTest {
        test::test_all(&self.setup().servers).await
    }

    /// The servers and their health.
    pub fn status(&self) -> ServersStatus {
        let setup = self.setup();
        let current = route::current(&setup).map(|server| server.name().to_owned());
        let status = |server: &server::Shared| server.status(current.as_deref() == Some(server.name()));
        ServersStatus { servers: setup.servers.iter().map(status).collect() }
    }

    /// Connects to the server called `name` and makes it first for all later mail. If it cannot connect, nothing changes.
    pub async fn switch(&self, name: &str) -> Switched {
        let _alone = self.changing.lock().await;
        let setup = self.setup();
        let Some(server) = setup.server(name) else {
            return Switched::NoSuchServer(name.to_owned());
        };
        let tested = test::test_one(server).await;
        if let Err(words) = tested.result {
            return Switched::Unreachable(server.status(false), words);
        }
        self.setup.store(Arc::new(setup.preferring(name)));
        info!(server = name, "switched: it is tried first now");
        Switched::Done(server.status(true))
    }

    /// Reads the configuration again and applies it, all or nothing. Calls under way finish on the old one.
    ///
    /// # Errors
    /// When the new configuration is invalid or none of its servers is usable; the old one goes on serving.
    pub async fn reload(&self) -> Result<Reloaded, NotReloaded> {
        let mut refused = self.changing.lock().await;
        let old = self.setup();
        let invalid = |problems: Problems| NotReloaded {
            step: "validate",
            words: problems.to_string(),
            connection_test: None,
        };
        let config = config::load(&self.origin).map_err(invalid)?;
        let from_environment_only = config.from_environment_only;
        let changes = Changes::between(&old.config, &config);
        let known: Vec<_> = old.servers.iter().chain(refused.iter()).cloned().collect();
        let new = Setup::build(config, &known, old.preferred.as_deref(), &self.clock).map_err(invalid)?;
        let connection_test = test::test_all(&new.servers).await;
        refused.clear();
        if connection_test.successful() == 0 {
            refused.extend(new.servers.into_iter().filter(|server| server.condition() == Condition::Paused));
            let words = "none of the new servers is usable".to_owned();
            return Err(NotReloaded { step: "connect", words, connection_test: Some(connection_test) });
        }
        info!(changes = changes.total(), servers = new.servers.len(), "configuration reloaded");
        self.replace(&old, new);
        Ok(Reloaded { changes, connection_test, from_environment_only })
    }

    /// Drops warm sessions, forgets failures and tests all servers. A refused login stays refused until a login succeeds.
    pub async fn reconnect(&self) -> ConnectionTest {
        let _alone = self.changing.lock().await;
        let old = self.setup();
        if let Ok(new) = old.renewed() {
            self.replace(&old, new);
        }
        self.test().await
    }

    fn replace(&self, old: &Setup, new: Setup) {
        let kept = |server: &&server::Shared| new.servers.iter().any(|other| Arc::ptr_eq(other, server));
        let gone: Vec<_> = old.servers.iter().filter(|server| !kept(server)).cloned().collect();
        self.setup.store(Arc::new(new));
        // Goodbyes take time where a server hangs; nobody has to wait for them.
        tokio::spawn(async move {
            for server in gone {
                server.pool.drain().await;
            }
        });
    }

    /// Says goodbye to every server. Deliveries under way are not waited for.
    pub async fn drain(&self) {
        for server in &self.setup().servers {
            server.pool.drain().await;
        }
    }
}

/// The time between the end of a delivery's attempts to connect and the answer.
const LAST_WORDS: Duration = Duration::from_secs(1);

const STILL_WAITING: &str = "still waiting for the server's answer to the end of the mail";

/// A delivery that ended in a panic of ours: what had not come to its last byte was not sent.
fn after_a_panic(ledger: &Ledger, commit_point: &CommitPoint) {
    let words = "an error inside this program ended the delivery; please report it";
    let fate = if commit_point.cancel() { Fate::Later } else { Fate::Unknown };
    ledger.close(fate, Phase::Data, words, true);
}
