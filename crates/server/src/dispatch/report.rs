//! Reports about the servers: tests, health, switches and reloads.

use std::time::Duration;

use chrono::{DateTime, FixedOffset};

use super::changes::Changes;

/// The test of every server.
#[derive(Debug, Clone)]
pub struct ConnectionTest {
    /// One for each server, in the order in which they are tried.
    pub servers: Vec<ServerTest>,
}

/// The test of one server.
#[derive(Debug, Clone)]
pub struct ServerTest {
    /// The server's name.
    pub name: String,
    /// `host:port`.
    pub address: String,
    /// Its priority.
    pub priority: i64,
    /// What it offers, or what went wrong and what to do next.
    pub result: Result<Connected, String>,
}

/// What a working server offers.
#[derive(Debug, Clone)]
pub struct Connected {
    /// `TLSv1.3`, or none in plaintext.
    pub tls_version: Option<String>,
    /// The keywords of its EHLO reply, with their parameters.
    pub extensions: Vec<String>,
    /// Whether it logged in.
    pub logged_in: bool,
}

/// The servers and their health, in the order in which they are tried.
#[derive(Debug, Clone)]
pub struct ServersStatus {
    /// One for each server; the first is the primary, and one of them is current.
    pub servers: Vec<ServerStatus>,
}

impl ServersStatus {
    /// How many of them may be used.
    pub fn usable(&self) -> usize {
        self.servers.iter().filter(|server| server.availability == Availability::Available).count()
    }
}

/// One server's health.
#[derive(Debug, Clone)]
pub struct ServerStatus {
    /// Its name.
    pub name: String,
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Its priority.
    pub priority: i64,
    /// The next mail goes to it first.
    pub is_current: bool,
    /// Whether it may be used.
    pub availability: Availability,
    /// When it failed last.
    pub last_failure: Option<DateTime<FixedOffset>>,
    /// The remaining back-off.
    pub backoff_remaining: Option<Duration>,
}

/// Whether a server may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It works, as far as known.
    Available,
    /// It failed and is not used for a while.
    BackOff,
    /// It refused the login: not used until its configuration changes or a login succeeds.
    Paused,
}

/// The result of a switch.
#[derive(Debug, Clone)]
pub enum Switched {
    /// It is first now.
    Done(ServerStatus),
    /// There is no server of that name.
    NoSuchServer(String),
    /// It could not be reached; nothing changed. Its status, and what went wrong.
    Unreachable(ServerStatus, String),
}

/// A reload that was applied.
#[derive(Debug, Clone)]
pub struct Reloaded {
    /// The differences.
    pub changes: Changes,
    /// The test of the new servers.
    pub connection_test: ConnectionTest,
    /// Everything comes from the process's environment, so nothing can have changed.
    pub from_environment_only: bool,
}

/// A reload that was not applied: the old configuration stays in use.
#[derive(Debug, Clone)]
pub struct ReloadError {
    /// `validate` or `connect`.
    pub step: &'static str,
    /// What is wrong, one error a line.
    pub message: String,
    /// The test of the new servers, if they were tested.
    pub connection_test: Option<ConnectionTest>,
}

impl ConnectionTest {
    /// How many servers work.
    pub fn successful(&self) -> usize {
        self.servers.iter().filter(|server| server.result.is_ok()).count()
    }
}
