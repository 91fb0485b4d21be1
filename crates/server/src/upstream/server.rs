//! One configured server: its configuration, its pool of sessions, its health.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use smtp_submission::tls::{self, Roots};
use smtp_submission::{HealthImpact, Limits, Pool, Security};

use super::credentials;
use super::health::Health;
use super::report::{Availability, ServerStatus, seconds};
use crate::clock::Clock;
use crate::config::{ConfigErrors, Encryption, ServerConfig};
use crate::outcome::ServerId;

/// A server that does not answer for this long is given up before the call's own time is over, so that the failure is
/// known and the next server is tried.
const MAX_COMMAND_TIMEOUT: Duration = Duration::from_secs(35);

/// One configured server.
pub struct Upstream {
    /// Its configuration.
    pub config: ServerConfig,
    /// Its sessions.
    pub(super) pool: Pool,
    /// Held during a test, so that concurrent tests try a refused login only once.
    pub(super) testing: tokio::sync::Mutex<()>,
    health: Mutex<Health>,
    recovering: AtomicBool,
    state_dir: Option<PathBuf>,
    clock: Clock,
}

impl Upstream {
    /// Prepares a server; connects to nothing.
    ///
    /// # Errors
    /// Its certificates cannot be used.
    pub(super) fn new(
        config: &ServerConfig,
        state_dir: Option<&Path>,
        clock: &Clock,
    ) -> Result<Self, ConfigErrors> {
        let security = security(config)?;
        let command = config.timeout.min(MAX_COMMAND_TIMEOUT);
        let limits = Limits { connect: config.timeout, command, content: command, ..Limits::default() };
        let target = smtp_submission::ServerParams {
            host: config.host.clone(),
            port: config.port,
            security,
            credentials: credentials::source(config, state_dir, clock),
            allow_plaintext_login: config.may_log_in_without_tls(),
            ehlo_name: config.ehlo_name.clone(),
            pipelining: config.pipelining,
            chunking: config.chunking,
            limits,
        };
        Ok(Self {
            config: config.clone(),
            state_dir: state_dir.map(Path::to_owned),
            pool: Pool::with_max_rate(target, config.max_connections, config.max_rate),
            testing: tokio::sync::Mutex::default(),
            health: Mutex::default(),
            recovering: AtomicBool::new(false),
            clock: clock.clone(),
        })
    }

    /// Whether another server with this configuration would be the same.
    pub(super) fn is_configured_as(&self, config: &ServerConfig, state_dir: Option<&Path>) -> bool {
        self.config == *config && self.state_dir.as_deref() == state_dir
    }

    /// Its name in results.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Its name and host, as outcomes name it.
    pub fn id(&self) -> ServerId {
        ServerId { name: self.config.name.clone(), host: self.config.host.clone() }
    }

    /// `host:port`.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.config.host, self.config.port)
    }

    /// Records the impact of a session that `began` then; the server's availability after it.
    pub(super) fn record(&self, impact: HealthImpact, began: Instant) -> Availability {
        let (at, date) = (self.clock.instant(), self.clock.now());
        self.with_health(|health| {
            health.note(impact, began, at, date);
            health.availability(at)
        })
    }

    /// Now, for [`Upstream::note`].
    pub fn instant(&self) -> Instant {
        self.clock.instant()
    }

    /// Whether it may be used now.
    pub(super) fn availability(&self) -> Availability {
        let at = self.clock.instant();
        self.with_health(|health| health.availability(at))
    }

    /// Whether it refused the login.
    pub(super) fn is_paused(&self) -> bool {
        self.availability() == Availability::Paused
    }

    /// How long its back-off still lasts.
    pub(super) fn backoff_remaining(&self) -> Option<Duration> {
        let at = self.clock.instant();
        self.with_health(|health| health.backoff_remaining(at))
    }

    /// How long until a refused login may be tried again on request.
    pub(super) fn auth_retry_after(&self) -> Option<Duration> {
        let at = self.clock.instant();
        self.with_health(|health| health.auth_retry_after(at))
    }

    /// The same server with fresh sessions: failures are forgotten, a refused login is not.
    ///
    /// # Errors
    /// As [`Upstream::new`].
    pub(super) fn fresh(&self) -> Result<Self, ConfigErrors> {
        let fresh = Self::new(&self.config, self.state_dir.as_deref(), &self.clock)?;
        let mut health = self.with_health(|health| health.clone());
        health.forget_failures();
        fresh.with_health(|place| *place = health);
        Ok(fresh)
    }

    /// Its status.
    pub(super) fn status(&self, is_current: bool) -> ServerStatus {
        let at = self.clock.instant();
        let health = self.with_health(|health| health.clone());
        let availability = health.availability(at);
        ServerStatus {
            name: self.config.name.clone(),
            host: self.config.host.clone(),
            port: self.config.port,
            priority: self.config.priority,
            is_current,
            is_failed: availability == Availability::BackOff,
            is_available: availability == Availability::Available,
            is_paused: availability == Availability::Paused,
            last_failure: health.last_failure().map(|time| time.to_rfc3339()),
            backoff_remaining: health.backoff_remaining(at).map_or(0.0, seconds),
        }
    }

    /// Marks it as being checked for recovery. False: it already is.
    pub(super) fn start_recovery(&self) -> bool {
        !self.recovering.swap(true, Ordering::AcqRel)
    }

    /// Ends the recovery check.
    pub(super) fn end_recovery(&self) {
        self.recovering.store(false, Ordering::Release);
    }

    fn with_health<T>(&self, act: impl FnOnce(&mut Health) -> T) -> T {
        act(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn security(config: &ServerConfig) -> Result<Security, ConfigErrors> {
    if config.encryption == Encryption::None {
        return Ok(Security::None);
    }
    let roots = config.ca.as_ref().map_or(Roots::Platform, |ca| Roots::Pem(&ca.pem));
    let client = tls::client_config(roots).map_err(|error| {
        ConfigErrors(vec![format!("{}: the certificates cannot be used: {error}", config.name)])
    })?;
    Ok(match config.encryption {
        Encryption::Implicit => Security::Implicit(client),
        Encryption::StartTls | Encryption::None => Security::StartTls(client),
    })
}
