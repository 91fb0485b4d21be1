//! The configured servers: their sessions, their health, which of them may send a message, and how they change.

mod advice;
pub mod changes;
mod credentials;
mod health;
mod login_advice;
mod recovery;
mod reply_advice;
mod reply_cause;
pub mod report;
mod route;
mod server;
mod session;
mod snapshot;
mod test;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::info;

use crate::blocking_work::BlockingWork;
use crate::clock::Clock;
use crate::config::{self, Config, ConfigErrors, ConfigSources};
use changes::Changes;
use report::{ConnectionTest, ReloadError, Reloaded, ServersStatus, Switched, VALIDATE};

pub use advice::{explain, no_server, paused};
pub use route::{Candidate, accounts_for, route};
pub use server::Upstream;
pub use snapshot::Snapshot;

/// The servers in use. One for each process.
pub struct Upstreams {
    snapshot: ArcSwap<Snapshot>,
    /// Serialises reloads, switches and reconnects. It holds the servers that a failed reload left paused because the login was
    /// refused: the next reload must not try them as new ones.
    changing: tokio::sync::Mutex<Vec<Arc<Upstream>>>,
    origin: ConfigSources,
    /// Reads the files of the configuration.
    reading: BlockingWork,
    clock: Clock,
}

impl Upstreams {
    /// Prepares the servers of `config`; connects to none.
    ///
    /// # Errors
    /// A server's certificates cannot be used.
    pub fn new(origin: ConfigSources, config: Config, clock: Clock) -> Result<Self, ConfigErrors> {
        Ok(Self {
            snapshot: ArcSwap::from_pointee(Snapshot::build(config, &[], None, &clock)?),
            changing: tokio::sync::Mutex::default(),
            origin,
            reading: BlockingWork::default(),
            clock,
        })
    }

    /// The current configuration and its servers. A call takes them once and uses them to its end.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Connects to every server at the same time, negotiates TLS, logs in, sends no mail.
    pub async fn test(&self) -> ConnectionTest {
        test::test_all(&self.snapshot().servers).await
    }

    /// The servers and their health.
    pub fn status(&self) -> ServersStatus {
        let snapshot = self.snapshot();
        let current = route::current(&snapshot).map(|server| server.name());
        let status = |server: &Arc<Upstream>| server.status(current == Some(server.name()));
        ServersStatus::of(snapshot.servers.iter().map(status).collect())
    }

    /// Connects to the server called `name` and makes it the first for all later mail. If it cannot connect, nothing changes.
    pub async fn switch(&self, name: &str) -> Switched {
        let _alone = self.changing.lock().await;
        let snapshot = self.snapshot();
        let Some(server) = snapshot.server(name) else {
            return Switched::NoSuchServer;
        };
        if let Some(error) = test::test_one(server).await.error {
            return Switched::Unreachable(error);
        }
        self.snapshot.store(Arc::new(snapshot.preferring(name)));
        info!(server = name, "switched: it is tried first from now on");
        Switched::Done
    }

    /// Reloads the configuration and applies it, all or nothing. Calls in flight finish with the old one.
    ///
    /// # Errors
    /// The new configuration is invalid or none of its servers is usable; the old one stays in use.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let mut refused = self.changing.lock().await;
        let old = self.snapshot();
        let invalid = |problems: ConfigErrors| ReloadError {
            step: VALIDATE,
            message: problems.to_string(),
            connection_test: None,
        };
        let config = config::reload(&self.origin, &self.reading).await.map_err(invalid)?;
        let changes = Changes::between(&old.config, &config);
        let config = config.reloaded_from(&old.config);
        let known: Vec<_> = old.servers.iter().chain(refused.iter()).cloned().collect();
        let new = Snapshot::build(config, &known, old.preferred.as_deref(), &self.clock).map_err(invalid)?;
        let connection_test = test::test_all(&new.servers).await;
        refused.clear();
        if connection_test.successful_servers == 0 {
            refused.extend(new.servers.into_iter().filter(|server| server.is_paused()));
            let message = "none of the new servers is usable".to_owned();
            return Err(ReloadError { step: "connect", message, connection_test: Some(connection_test) });
        }
        info!(changes = changes.total_changes, servers = new.servers.len(), "configuration reloaded");
        let config = Arc::clone(&new.config);
        self.replace(&old, new);
        Ok(Reloaded { changes, connection_test, config })
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

    /// Closes all idle sessions with QUIT. Does not wait for sessions in use.
    pub async fn drain(&self) {
        for server in &self.snapshot().servers {
            server.pool.drain().await;
        }
    }
}
