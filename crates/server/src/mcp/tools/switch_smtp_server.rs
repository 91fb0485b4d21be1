//! `switch_smtp_server`: another server goes first from now on, if it can be reached.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Annotations, ToolSpec};
use crate::address::character;
use crate::mcp::context::ToolContext;
use crate::mcp::server_lines::status_lines;
use crate::mcp::tool_result::ToolResult;
use crate::upstream::report::{ServerDetails, ServersStatus, Switched};

const SPEC: ToolSpec = ToolSpec {
    name: "switch_smtp_server",
    title: "Switch the SMTP server",
    description: "Makes the named SMTP server the first one for all later mail, after connecting to it; if that fails, nothing changes. \
        Without a name: shows the current server.",
    annotations: Annotations { read_only: false, destructive: false, idempotent: true, open_world: true },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SwitchServerArgs {
    /// A name from get_smtp_status
    #[serde(default)]
    server_name: Option<String>,
}

// Plain comments: doc comments become descriptions in the schema.
#[derive(Serialize, JsonSchema)]
struct SwitchServerResult {
    message: String,
    current_server: Option<String>,
    #[schemars(schema_with = "crate::mcp::schema::object")]
    #[serde(skip_serializing_if = "Option::is_none")]
    server_details: Option<ServerDetails>,
    #[schemars(schema_with = "crate::mcp::schema::object")]
    server_status: ServersStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_servers: Option<Vec<String>>,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<_, SwitchServerArgs, SwitchServerResult, _>(&SPEC, ToolResult::failed, |context, args| {
        Box::pin(call(context, args))
    })
}

async fn call(context: &ToolContext, args: SwitchServerArgs) -> ToolResult {
    let Some(name) = args.server_name else {
        let now = context.upstreams.status();
        let message = format!("The current server is {}.", now.current_server.as_deref().unwrap_or_default());
        return done(context, now, message);
    };
    let switched = context.upstreams.switch(&name).await;
    let now = context.upstreams.status();
    match switched {
        Switched::Done => {
            let message = format!("{name} is tried first for all mail from now on; it was just reached.");
            done(context, now, message)
        }
        Switched::NoSuchServer => unknown(&name, &now),
        Switched::Unreachable(reason) => unreachable(&name, &reason, &now),
    }
}

fn done(context: &ToolContext, now: ServersStatus, message: String) -> ToolResult {
    let config = &context.upstreams.snapshot().config;
    let is_current = |name: &String| Some(name) == now.current_server.as_ref();
    let current = config.servers.iter().find(|server| is_current(&server.name));
    let server_details = current.map(ServerDetails::of);
    let lines = status_lines(&now, server_details.as_slice());
    let body = SwitchServerResult {
        message: message.clone(),
        server_details,
        current_server: now.current_server.clone(),
        server_status: now,
        available_servers: None,
    };
    ToolResult::done(message, &body).with_lines(lines)
}

fn unknown(name: &str, now: &ServersStatus) -> ToolResult {
    let names: Vec<_> = now.servers.iter().map(|server| server.name.as_str()).collect();
    let error = format!(
        "There is no server called {}; choose one of {}. Nothing changed.",
        character::quoted(name),
        names.join(", ")
    );
    let body = json!({ "available_servers": names, "current_server": now.current_server });
    ToolResult::failed_with(error, &body).with_lines(current_line(now))
}

fn unreachable(name: &str, reason: &str, now: &ServersStatus) -> ToolResult {
    let reason = reason.trim_end_matches('.');
    let error = format!("{name} could not be reached, so nothing changed: {reason}.");
    let body = json!({ "current_server": now.current_server, "server_status": now });
    ToolResult::failed_with(error, &body).with_lines(status_lines(now, &[]))
}

fn current_line(now: &ServersStatus) -> Option<String> {
    now.current_server.as_ref().map(|name| format!("the current server is {name}"))
}
