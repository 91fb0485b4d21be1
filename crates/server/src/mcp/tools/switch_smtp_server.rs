//! `switch_smtp_server`: another server goes first from now on, if it can be reached.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Annotations, ToolSpec};
use crate::address::character;
use crate::dispatch::report::{ServersStatus, Switched};
use crate::mcp::handler::McpHandler;
use crate::mcp::tool_result::ToolResult;
use crate::mcp::views::{ServerConfigView, ServersView, current};

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
    server_details: Option<ServerConfigView>,
    #[schemars(schema_with = "crate::mcp::schema::object")]
    server_status: ServersView,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_servers: Option<Vec<String>>,
}

pub(super) fn route() -> ToolRoute<McpHandler> {
    super::route::<SwitchServerArgs, SwitchServerResult, _>(&SPEC, ToolResult::failed, |server, args| {
        Box::pin(call(server, args))
    })
}

async fn call(server: &McpHandler, args: SwitchServerArgs) -> ToolResult {
    let Some(name) = args.server_name.filter(|name| !name.is_empty()) else {
        let now = server.dispatch().status();
        let message = format!("The current server is {}.", current(&now).unwrap_or_default());
        return done(server, &now, message);
    };
    let switched = server.dispatch().switch(&name).await;
    let now = server.dispatch().status();
    match switched {
        Switched::Done(first) => {
            let message =
                format!("{} is tried first for all mail from now on; it was just reached.", first.name);
            done(server, &now, message)
        }
        Switched::NoSuchServer(name) => unknown(&name, &now),
        Switched::Unreachable(failed, words) => unreachable(&failed.name, &words, &now),
    }
}

fn done(server: &McpHandler, now: &ServersStatus, message: String) -> ToolResult {
    let current_server = current(now);
    let config = &server.dispatch().snapshot().config;
    let details = config.servers.iter().find(|server| Some(&server.name) == current_server.as_ref());
    let body = SwitchServerResult {
        message: message.clone(),
        server_details: details.map(ServerConfigView::of),
        current_server,
        server_status: ServersView::of(now),
        available_servers: None,
    };
    ToolResult::done(message, &body)
}

fn unknown(name: &str, now: &ServersStatus) -> ToolResult {
    let names: Vec<_> = now.servers.iter().map(|server| server.name.as_str()).collect();
    let error = format!(
        "There is no server called {}; choose one of {}. Nothing changed.",
        character::quoted(name),
        names.join(", ")
    );
    let body = json!({ "available_servers": names, "current_server": current(now) });
    ToolResult::failed_with(error, &body)
}

fn unreachable(name: &str, words: &str, now: &ServersStatus) -> ToolResult {
    let words = words.trim_end_matches('.');
    let error = format!("{name} could not be reached, so nothing changed: {words}.");
    let body = json!({ "current_server": current(now), "server_status": ServersView::of(now) });
    ToolResult::failed_with(error, &body)
}
