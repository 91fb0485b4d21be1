//! `get_smtp_status`: the configured servers and their health; uses no network.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Annotations, ToolSpec};
use crate::mcp::arguments::NoArgs;
use crate::mcp::context::ToolContext;
use crate::mcp::tool_result::ToolResult;
use crate::upstream::report::{ServerDetails, ServersStatus};

const SPEC: ToolSpec = ToolSpec {
    name: "get_smtp_status",
    title: "Show the SMTP servers",
    description: "Shows which SMTP servers are configured, which one is used first, and their health, without connecting. \
        status: ready (all usable), degraded (some), unavailable (none).",
    annotations: Annotations { read_only: true, destructive: false, idempotent: true, open_world: false },
};

// Plain comments: doc comments become descriptions in the schema.
#[derive(Serialize, JsonSchema)]
struct StatusResult {
    service: &'static str,
    #[schemars(extend("enum" = ["ready", "degraded", "unavailable"]))]
    status: &'static str,
    multi_server_enabled: bool,
    total_servers: usize,
    primary_server: Option<String>,
    current_server: Option<String>,
    server_configurations: Vec<ServerDetails>,
    server_status: ServersStatus,
    max_attachment_size_mb: f64,
    max_total_attachments_size_mb: f64,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<NoArgs, StatusResult, _>(&SPEC, ToolResult::failed, |context, NoArgs {}| {
        Box::pin(std::future::ready(call(context)))
    })
}

fn call(context: &ToolContext) -> ToolResult {
    let config = &context.upstreams.snapshot().config;
    let status = context.upstreams.status();
    let body = StatusResult {
        service: "smtp-mcp-server",
        status: status.readiness(),
        multi_server_enabled: config.servers.len() > 1,
        total_servers: config.servers.len(),
        primary_server: config.servers.first().map(|server| server.name.clone()),
        current_server: status.current_server.clone(),
        server_configurations: config.servers.iter().map(ServerDetails::of).collect(),
        server_status: status,
        max_attachment_size_mb: mebibytes(config.limits.attachment_bytes),
        max_total_attachments_size_mb: mebibytes(config.limits.attachments_bytes),
    };
    ToolResult::done(text(&body), &body)
}

fn text(body: &StatusResult) -> String {
    let first = body.current_server.as_deref().unwrap_or("none");
    format!("{}: {} SMTP server(s), the next mail goes to {first} first.", body.status, body.total_servers)
}

#[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52 bytes")]
fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
