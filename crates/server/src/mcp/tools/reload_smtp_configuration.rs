//! `reload_smtp_configuration`: reloads the configuration and applies it, all or nothing.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{Annotations, ToolSpec};
use crate::config::{Config, ServerConfig};
use crate::mcp::arguments::NoArgs;
use crate::mcp::context::ToolContext;
use crate::mcp::server_lines::{change_lines, test_lines};
use crate::mcp::setup::Setup;
use crate::mcp::tool_result::ToolResult;
use crate::upstream::changes::Changes;
use crate::upstream::report::{ConnectionTest, ReloadError, Reloaded};

pub(super) const NAME: &str = "reload_smtp_configuration";

const SPEC: ToolSpec = ToolSpec {
    name: NAME,
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
    /// Servers added, removed, modified (by field: old, new), unchanged
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::mcp::schema::object")]
    changes: Option<Changes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::mcp::schema::object")]
    new_configuration: Option<NewConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::mcp::schema::object")]
    connection_test: Option<ConnectionTest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'static str>,
    /// The old configuration is in force
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback_performed: Option<bool>,
}

#[derive(Serialize)]
struct NewConfiguration {
    total_servers: usize,
    primary_server: Option<String>,
    servers: Vec<NewServer>,
}

#[derive(Serialize)]
struct NewServer {
    name: String,
    host: String,
    port: u16,
    priority: i64,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<_, NoArgs, ReloadResult, _>(&SPEC, ToolResult::failed, |context, NoArgs {}| {
        Box::pin(call(context))
    })
}

async fn call(context: &ToolContext) -> ToolResult {
    context.upstreams.reload().await.map_or_else(refused, applied)
}

/// The call of a program without a usable configuration.
pub(super) async fn set_up(setup: &Setup) -> ToolResult {
    match setup.reload().await {
        Ok(reloaded) => applied(reloaded),
        // Another call has started it meanwhile.
        Err(failure) if setup.context().is_some() => refused(failure),
        Err(failure) => not_set_up(&failure, &setup.explanation()),
    }
}

fn not_set_up(failure: &ReloadError, explanation: &str) -> ToolResult {
    let body = json!({ "step": failure.step, "rollback_performed": false });
    let tests = failure.connection_test.iter().flat_map(test_lines);
    ToolResult::failed_with(format!("Not reloaded: {explanation}"), &body)
        .with_lines([format!("failed at the step {}", failure.step)])
        .with_lines(tests)
}

fn applied(reloaded: Reloaded) -> ToolResult {
    let message = message(&reloaded);
    let new_configuration = NewConfiguration::of(&reloaded.config);
    let lines: Vec<_> = change_lines(&reloaded.changes)
        .into_iter()
        .chain(new_configuration.lines())
        .chain(test_lines(&reloaded.connection_test))
        .collect();
    let body = ReloadResult {
        message: Some(message.clone()),
        changes: Some(reloaded.changes),
        new_configuration: Some(new_configuration),
        connection_test: Some(reloaded.connection_test),
        step: None,
        rollback_performed: None,
    };
    ToolResult::done(message, &body).with_lines(lines)
}

fn refused(failure: ReloadError) -> ToolResult {
    let test = failure.connection_test.as_ref().map(|test| format!(" ({})", test.summary()));
    let error = format!(
        "Not reloaded, the old configuration stays in effect: {}{}",
        failure.message,
        test.unwrap_or_default()
    );
    let mut lines = vec![format!("failed at the step {}", failure.step)];
    lines.extend(failure.connection_test.iter().flat_map(test_lines));
    let body = ReloadResult {
        message: None,
        changes: None,
        new_configuration: None,
        connection_test: failure.connection_test,
        step: Some(failure.step),
        rollback_performed: Some(true),
    };
    ToolResult::failed_with(error, &body).with_lines(lines)
}

fn message(reloaded: &Reloaded) -> String {
    let test = reloaded.connection_test.summary();
    if reloaded.config.from_environment_only {
        return format!(
            "Everything comes from this process's own environment, which cannot change while it runs: restart it to change settings. {test}."
        );
    }
    match reloaded.changes.total_changes {
        0 => format!("Reloaded: nothing changed. {test}."),
        1 => format!("Reloaded: 1 change. {test}."),
        more => format!("Reloaded: {more} changes. {test}."),
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

impl NewConfiguration {
    fn lines(&self) -> Vec<String> {
        let Self { total_servers, primary_server, servers } = self;
        let first = primary_server.as_deref().unwrap_or("none");
        let about = format!("{total_servers} servers are configured, {first} is first");
        let server = |NewServer { name, host, port, priority }: &NewServer| {
            format!("{name}: {host}:{port}, priority {priority}")
        };
        std::iter::once(about).chain(servers.iter().map(server)).collect()
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
