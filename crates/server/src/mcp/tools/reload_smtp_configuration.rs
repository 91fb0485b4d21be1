//! `reload_smtp_configuration`: reloads the configuration and applies it, all or nothing.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Annotations, ToolSpec};
use crate::config::{Config, ServerConfig};
use crate::dispatch::changes::{Changes, ModifiedServer};
use crate::dispatch::report::{ReloadError, Reloaded};
use crate::mcp::arguments::NoArgs;
use crate::mcp::handler::McpHandler;
use crate::mcp::tool_result::ToolResult;
use crate::mcp::views::{ConnectionTestView, FieldChanges, field_changes, test_words};

const SPEC: ToolSpec = ToolSpec {
    name: "reload_smtp_configuration",
    title: "Reload the SMTP configuration",
    description: "Reads the configuration files again, tests the servers and applies everything or nothing. \
        Use it after the user changed them. On failure the old configuration stays in effect.",
    annotations: Annotations { read_only: false, destructive: false, idempotent: true, open_world: true },
};

// Plain comments: doc comments become descriptions in the schema.
#[derive(Serialize, JsonSchema)]
struct ReloadResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Changed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_configuration: Option<NewConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::mcp::schema::object")]
    connection_test: Option<ConnectionTestView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'static str>,
    /// The old configuration is in force
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback_performed: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
struct Changed {
    total_changes: usize,
    servers_added: Vec<String>,
    servers_removed: Vec<String>,
    servers_modified: Vec<ChangedServer>,
    servers_unchanged: Vec<String>,
    settings: FieldChanges,
    old_server_count: usize,
    new_server_count: usize,
    primary_server_changed: bool,
}

#[derive(Serialize, JsonSchema)]
struct ChangedServer {
    name: String,
    changes: FieldChanges,
}

#[derive(Serialize, JsonSchema)]
struct NewConfiguration {
    total_servers: usize,
    primary_server: Option<String>,
    servers: Vec<NewServer>,
}

#[derive(Serialize, JsonSchema)]
struct NewServer {
    name: String,
    host: String,
    port: u16,
    priority: i64,
}

pub(super) fn route() -> ToolRoute<McpHandler> {
    super::route::<NoArgs, ReloadResult, _>(&SPEC, ToolResult::failed, |server, NoArgs {}| {
        Box::pin(call(server))
    })
}

async fn call(server: &McpHandler) -> ToolResult {
    match server.dispatch().reload().await {
        Ok(reloaded) => applied(&reloaded, &server.dispatch().snapshot().config),
        Err(failure) => refused(&failure),
    }
}

fn applied(reloaded: &Reloaded, config: &Config) -> ToolResult {
    let message = words(reloaded);
    let body = ReloadResult {
        message: Some(message.clone()),
        changes: Some(Changed::of(&reloaded.changes)),
        new_configuration: Some(NewConfiguration::of(config)),
        connection_test: Some(ConnectionTestView::of(&reloaded.connection_test)),
        step: None,
        rollback_performed: None,
    };
    ToolResult::done(message, &body)
}

fn refused(failure: &ReloadError) -> ToolResult {
    let body = ReloadResult {
        message: None,
        changes: None,
        new_configuration: None,
        connection_test: failure.connection_test.as_ref().map(ConnectionTestView::of),
        step: Some(failure.step),
        rollback_performed: Some(true),
    };
    let tests =
        failure.connection_test.as_ref().map(|test| format!(" ({})", test_words(test))).unwrap_or_default();
    let error = format!("Not reloaded, the old configuration stays in effect: {}{tests}", failure.message);
    ToolResult::failed_with(error, &body)
}

fn words(reloaded: &Reloaded) -> String {
    let tests = test_words(&reloaded.connection_test);
    if reloaded.from_environment_only {
        return format!(
            "Everything comes from this process's own environment, which cannot change while it runs: restart it to change settings. {tests}."
        );
    }
    match reloaded.changes.total() {
        0 => format!("Reloaded: nothing changed. {tests}."),
        1 => format!("Reloaded: 1 change. {tests}."),
        more => format!("Reloaded: {more} changes. {tests}."),
    }
}

impl Changed {
    fn of(changes: &Changes) -> Self {
        Self {
            total_changes: changes.total(),
            servers_added: changes.added.clone(),
            servers_removed: changes.removed.clone(),
            servers_modified: changes.modified.iter().map(ChangedServer::of).collect(),
            servers_unchanged: changes.unchanged.clone(),
            settings: field_changes(&changes.settings),
            old_server_count: changes.old_count,
            new_server_count: changes.new_count,
            primary_server_changed: changes.primary_changed,
        }
    }
}

impl ChangedServer {
    fn of(modified: &ModifiedServer) -> Self {
        Self { name: modified.name.clone(), changes: field_changes(&modified.fields) }
    }
}

impl NewConfiguration {
    fn of(config: &Config) -> Self {
        Self {
            total_servers: config.servers.len(),
            primary_server: config.servers.first().map(|server| server.name.clone()),
            servers: config.servers.iter().map(NewServer::of).collect(),
        }
    }
}

impl NewServer {
    fn of(server: &ServerConfig) -> Self {
        Self {
            name: server.name.clone(),
            host: server.host.clone(),
            port: server.port,
            priority: server.priority,
        }
    }
}

#[cfg(test)]
mod tests;
