//! One server in force: its configuration, its warm sessions, its health.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smtp_submission::tls::{self, Roots};
use smtp_submission::{Credentials, Limits, Pool, Security};

use super::health::Health;
use super::report::{Condition, ServerStatus};
use crate::clock::Clock;
use crate::config::{Encryption, Problems, ServerConfig};

/// Sessions that may be open to one server at a time.
const MAX_SESSIONS: usize = 3;

/// A server that keeps silent this long is given up before the call's own time is over, so that it is known as the one that
/// failed and the next one is tried.
const LONGEST_SILENCE: Duration = Duration::from_secs(35);

/// One server in force.
pub(super) struct Server {
    /// How it is configured.
    pub(super) config: ServerConfig,
    /// Its warm sessions.
    pub(super) pool: Pool,
    /// Held while somebody tests it, so that a login that is refused is refused once for all who ask.
    pub(super) testing: tokio::sync::Mutex<()>,
    health: Mutex<Health>,
    watched: AtomicBool,
    clock: Clock,
}

impl Server {
    /// Prepares a server; connects to nothing.
    ///
    /// # Errors
    /// When its certificates cannot be used.
    pub(super) fn new(config: &ServerConfig, clock: &Clock) -> Result<Self, Problems> {
        let security = security(config)?;
        let command = config.timeout.min(LONGEST_SILENCE);
        let limits = Limits { connect: config.timeout, command, content: command, ..Limits::default() };
        let credentials = config.username.clone().zip(config.password.as_ref());
        let target = smtp_submission::ServerParams {
            host: config.host.clone(),
            port: config.port,
            security,
            credentials: credentials
                .map(|(username, password)| Credentials { username, password: password.expose().clone() }),
            allow_plaintext_login: config.may_log_in_without_tls(),
            ehlo_name: config.ehlo_name.clone(),
            limits,
        };
        Ok(Self {
            config: config.clone(),
            pool: Pool::new(target, MAX_SESSIONS),
            testing: tokio::sync::Mutex::default(),
            health: Mutex::default(),
            watched: AtomicBool::new(false),
            clock: clock.clone(),
        })
    }

    /// The name that results give it.
    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    /// `host:port`.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.config.host, self.config.port)
    }

    /// Takes note of what a conversation that `began` then meant for its health. True: it is in back-off now.
    pub(super) fn note(&self, effect: smtp_submission::HealthImpact, began: Instant) -> bool {
        let (at, date) = (self.clock.instant(), self.clock.now());
        self.with_health(|health| {
            health.note(effect, began, at, date);
            health.condition(at) == Condition::BackOff
        })
    }

    /// Now, for [`Server::note`].
    pub(super) fn instant(&self) -> Instant {
        self.clock.instant()
    }

    /// Whether it may be used now.
    pub(super) fn condition(&self) -> Condition {
        let at = self.clock.instant();
        self.with_health(|health| health.condition(at))
    }

    /// How long its back-off still lasts.
    pub(super) fn backoff_remaining(&self) -> Option<Duration> {
        let at = self.clock.instant();
        self.with_health(|health| health.backoff_remaining(at))
    }

    /// How long a login that somebody asks for must still wait.
    pub(super) fn login_brake(&self) -> Option<Duration> {
        let at = self.clock.instant();
        self.with_health(|health| health.login_brake(at))
    }

    /// The same account with fresh sessions: failures are forgotten, a refused login is not.
    ///
    /// # Errors
    /// As [`Server::new`].
    pub(super) fn renewed(&self) -> Result<Self, Problems> {
        let fresh = Self::new(&self.config, &self.clock)?;
        let mut health = self.with_health(|health| health.clone());
        health.forget_failures();
        fresh.with_health(|place| *place = health);
        Ok(fresh)
    }

    /// What is told of it.
    pub(super) fn status(&self, is_current: bool) -> ServerStatus {
        let at = self.clock.instant();
        let health = self.with_health(|health| health.clone());
        ServerStatus {
            name: self.config.name.clone(),
            host: self.config.host.clone(),
            port: self.config.port,
            priority: self.config.priority,
            is_current,
            condition: health.condition(at),
            last_failure: health.last_failure(),
            backoff_remaining: health.backoff_remaining(at),
        }
    }

    /// Begins to watch over its recovery. False: somebody does already.
    pub(super) fn begin_watch(&self) -> bool {
        !self.watched.swap(true, Ordering::AcqRel)
    }

    /// Ends the watch.
    pub(super) fn end_watch(&self) {
        self.watched.store(false, Ordering::Release);
    }

    fn with_health<T>(&self, act: impl FnOnce(&mut Health) -> T) -> T {
        act(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn security(config: &ServerConfig) -> Result<Security, Problems> {
    if config.encryption == Encryption::None {
        return Ok(Security::None);
    }
    let roots = config.ca.as_ref().map_or(Roots::Platform, |ca| Roots::Pem(&ca.pem));
    let client = tls::client_config(roots).map_err(|error| {
        Problems(vec![format!("{}: the certificates cannot be used: {error}", config.name)])
    })?;
    Ok(match config.encryption {
        Encryption::Implicit => Security::Implicit(client),
        Encryption::StartTls | Encryption::None => Security::StartTls(client),
    })
}

/// A server that several calls use at the same time.
pub(super) type Shared = Arc<Server>;
