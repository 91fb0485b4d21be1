//! Servers, their health and their tests, as results show them: logins and senders masked, times in RFC 3339.
// Plain comments on these types: doc comments would become descriptions in the schemas, and cost every client tokens.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::ServerConfig;
use crate::dispatch::changes::FieldChange;
use crate::dispatch::report::{
    Availability, Connected, ConnectionTest, ServerStatus, ServerTest, ServersStatus,
};

// One server as it is configured.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ServerConfigView {
    name: String,
    host: String,
    port: u16,
    priority: i64,
    username: Option<String>,
    encryption: &'static str,
    timeout: f64,
    max_retries: u32,
    from_email: String,
}

// The servers' health.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ServersView {
    total_servers: usize,
    available_servers: usize,
    failed_servers: usize,
    current_server: Option<String>,
    servers: Vec<ServerHealthView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ServerHealthView {
    name: String,
    host: String,
    port: u16,
    priority: i64,
    is_current: bool,
    is_failed: bool,
    is_available: bool,
    /// It refused the login: no mail until its configuration changes or a login succeeds
    is_paused: bool,
    last_failure: Option<String>,
    backoff_remaining: f64,
}

// A test of all servers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ConnectionTestView {
    pub(super) total_servers: usize,
    pub(super) successful_servers: usize,
    pub(super) server_results: Vec<ServerTestView>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ServerTestView {
    server: String,
    host: String,
    priority: i64,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Vec<String>>,
}

// The old and new value of a field.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FieldChangeView {
    old: String,
    new: String,
}

pub(super) type FieldChanges = BTreeMap<&'static str, FieldChangeView>;

impl ServerConfigView {
    pub(super) fn of(server: &ServerConfig) -> Self {
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

impl ServersView {
    pub(super) fn of(status: &ServersStatus) -> Self {
        let count =
            |availability| status.servers.iter().filter(|server| server.availability == availability).count();
        Self {
            total_servers: status.servers.len(),
            available_servers: count(Availability::Available),
            failed_servers: count(Availability::BackOff),
            current_server: current(status),
            servers: status.servers.iter().map(ServerHealthView::of).collect(),
        }
    }
}

impl ServerHealthView {
    fn of(server: &ServerStatus) -> Self {
        Self {
            name: server.name.clone(),
            host: server.host.clone(),
            port: server.port,
            priority: server.priority,
            is_current: server.is_current,
            is_failed: server.availability == Availability::BackOff,
            is_available: server.availability == Availability::Available,
            is_paused: server.availability == Availability::Paused,
            last_failure: server.last_failure.map(|time| time.to_rfc3339()),
            backoff_remaining: server.backoff_remaining.map_or(0.0, seconds),
        }
    }
}

impl ConnectionTestView {
    pub(super) fn of(test: &ConnectionTest) -> Self {
        Self {
            total_servers: test.servers.len(),
            successful_servers: test.successful(),
            server_results: test.servers.iter().map(ServerTestView::of).collect(),
        }
    }
}

impl ServerTestView {
    fn of(test: &ServerTest) -> Self {
        let connected = test.result.as_ref().ok();
        Self {
            server: test.name.clone(),
            host: test.address.clone(),
            priority: test.priority,
            success: connected.is_some(),
            message: connected.map(message),
            error: test.result.as_ref().err().cloned(),
            tls_version: connected.and_then(|connected| connected.tls_version.clone()),
            extensions: connected.map(|connected| connected.extensions.clone()),
        }
    }
}

/// The name of the server that the next mail goes to first.
pub(super) fn current(status: &ServersStatus) -> Option<String> {
    let current = status.servers.iter().find(|server| server.is_current);
    current.map(|server| server.name.clone())
}

/// The old and new values by field.
pub(super) fn field_changes(fields: &[FieldChange]) -> FieldChanges {
    let change = |field: &FieldChange| FieldChangeView { old: field.old.clone(), new: field.new.clone() };
    fields.iter().map(|field| (field.name, change(field))).collect()
}

/// The text about a test: each server that failed, and how many work.
pub(super) fn test_words(test: &ConnectionTest) -> String {
    let count = format!("{} of {} servers work", test.successful(), test.servers.len());
    let failures: Vec<_> = test
        .servers
        .iter()
        .filter_map(|server| Some(format!("{}: {}", server.name, server.result.as_ref().err()?)))
        .collect();
    if failures.is_empty() {
        return count;
    }
    format!("{count}. {}", failures.join("; "))
}

fn message(connected: &Connected) -> String {
    let tls = connected.tls_version.as_deref().unwrap_or("no TLS");
    let login = if connected.logged_in { "logged in" } else { "no login" };
    format!("connected, {tls}, {login}")
}

/// Seconds, to the millisecond.
pub(super) fn seconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// The servers' overall status.
pub(super) fn readiness(status: &ServersStatus) -> &'static str {
    match status.usable() {
        0 => "unavailable",
        usable if usable < status.servers.len() => "degraded",
        _ => "ready",
    }
}

#[cfg(test)]
mod tests;
