//! Reports about the servers, as results show them: logins and senders masked, times in RFC 3339.

#![expect(
    missing_docs,
    reason = "documentation would become descriptions in the tools' schemas, and cost every client tokens"
)]

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::changes::Changes;
use crate::config::{Config, ServerConfig};

// The test of every server, in the order in which they are tried.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ConnectionTest {
    pub total_servers: usize,
    pub successful_servers: usize,
    pub server_results: Vec<ServerTest>,
}

// The test of one server: what it offers, or what went wrong and what to do next.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerTest {
    pub server: String,
    // `host:port`
    pub host: String,
    pub priority: i64,
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    // `TLSv1.3`, or none in plaintext
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<&'static str>,
    // the keywords of its EHLO reply, with their parameters
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Vec<String>>,
}

// The servers and their health, in the order of the configuration.
#[derive(Debug, Clone, Serialize)]
pub struct ServersStatus {
    pub total_servers: usize,
    pub available_servers: usize,
    pub failed_servers: usize,
    pub current_server: Option<String>,
    pub servers: Vec<ServerStatus>,
}

// One server's health.
#[derive(Debug, Clone, Serialize)]
pub struct ServerStatus {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub priority: i64,
    // the next mail goes to it first
    pub is_current: bool,
    pub is_failed: bool,
    pub is_available: bool,
    /// It refused the login: no mail until its configuration changes or a login succeeds
    pub is_paused: bool,
    pub last_failure: Option<String>,
    // in seconds
    pub backoff_remaining: f64,
}

// One server as it is configured.
#[derive(Debug, Clone, Serialize)]
pub struct ServerDetails {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub priority: i64,
    pub username: Option<String>,
    pub encryption: &'static str,
    pub timeout: f64,
    pub max_retries: u32,
    pub from_email: String,
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
    Done,
    /// There is no server of that name.
    NoSuchServer,
    /// It could not be reached, for this reason; nothing changed.
    Unreachable(String),
}

/// A reload that was applied.
#[derive(Debug, Clone)]
pub struct Reloaded {
    /// The differences.
    pub changes: Changes,
    /// The test of the new servers.
    pub connection_test: ConnectionTest,
    /// The configuration in effect now.
    pub config: Arc<Config>,
}

/// The step of a reload that reads the configuration and checks it.
pub const VALIDATE: &str = "validate";

/// A reload that was not applied: the old configuration stays in use.
#[derive(Debug, Clone)]
pub struct ReloadError {
    /// `validate` or `connect`; for a program that had no usable configuration also `start`.
    pub step: &'static str,
    /// What is wrong, one error a line.
    pub message: String,
    /// The test of the new servers, if they were tested.
    pub connection_test: Option<ConnectionTest>,
}

impl ConnectionTest {
    /// The test with these results.
    pub fn of(server_results: Vec<ServerTest>) -> Self {
        let successful_servers = server_results.iter().filter(|test| test.success).count();
        Self { total_servers: server_results.len(), successful_servers, server_results }
    }

    /// Whether every server works.
    pub fn all_work(&self) -> bool {
        self.successful_servers == self.total_servers
    }

    /// How many servers work, and the error of each other one.
    pub fn summary(&self) -> String {
        let failed = |test: &ServerTest| Some(format!("{}: {}", test.server, test.error.as_ref()?));
        let failures: Vec<_> = self.server_results.iter().filter_map(failed).collect();
        let separator = if failures.is_empty() { "" } else { ". " };
        let (working, all) = (self.successful_servers, self.total_servers);
        format!("{working} of {all} servers work{separator}{}", failures.join("; "))
    }
}

impl ServersStatus {
    /// The status of these servers.
    pub fn of(servers: Vec<ServerStatus>) -> Self {
        let current = servers.iter().find(|server| server.is_current);
        Self {
            total_servers: servers.len(),
            available_servers: servers.iter().filter(|server| server.is_available).count(),
            failed_servers: servers.iter().filter(|server| server.is_failed).count(),
            current_server: current.map(|server| server.name.clone()),
            servers,
        }
    }

    /// The overall status.
    pub fn readiness(&self) -> &'static str {
        match self.available_servers {
            0 => "unavailable",
            available if available < self.total_servers => "degraded",
            _ => "ready",
        }
    }
}

impl ServerDetails {
    /// What is shown of `server`.
    pub fn of(server: &ServerConfig) -> Self {
        Self {
            name: server.name.clone(),
            host: server.host.clone(),
            port: server.port,
            priority: server.priority,
            username: server.masked_username(),
            encryption: server.encryption.word(),
            timeout: seconds(server.timeout),
            max_retries: server.max_retries,
            from_email: server.identity.address.masked(),
        }
    }
}

/// Seconds, to the millisecond.
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests;
