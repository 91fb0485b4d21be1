//! `get_smtp_status`: the configured servers and their health; uses no network.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Annotations, ToolSpec};
use crate::mcp::arguments::NoArgs;
use crate::mcp::context::ToolContext;
use crate::mcp::quota_view::QuotaView;
use crate::mcp::server_lines::status_lines;
use crate::mcp::tool_result::ToolResult;
use crate::mcp::waiting::PAUSED;
use crate::mcp::waiting::rfc3339;
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
    /// Each with name, host, port, priority, username, encryption, timeout, max_retries, from_email
    #[schemars(schema_with = "crate::mcp::email_view::objects")]
    server_configurations: Vec<ServerDetails>,
    /// Counts, and servers, each with is_current, is_available, is_failed (in back-off), is_paused (it refused the login)
    #[schemars(schema_with = "crate::mcp::schema::object")]
    server_status: ServersStatus,
    /// Numbers: queued, of these unserved (no running program has an account for them), held, of these awaiting_approval, sending, unknown; and
    /// oldest_seconds of those that wait
    #[schemars(schema_with = "crate::mcp::schema::object")]
    outbox: OutboxView,
    /// used_in_hour, limit_per_hour, used_in_day, limit_per_day
    #[schemars(schema_with = "crate::mcp::schema::object")]
    quota: QuotaView,
    /// Nothing is sent since then, until the user resumes it
    paused_since: Option<String>,
    #[schemars(extend("enum" = ["open", "careful", "strict"]))]
    policy: &'static str,
    #[schemars(extend("enum" = ["rules", "always", "never"]))]
    approval: &'static str,
    max_attachment_size_mb: f64,
    max_total_attachments_size_mb: f64,
}

#[derive(Serialize)]
struct OutboxView {
    queued: u64,
    unserved: u64,
    held: u64,
    awaiting_approval: u64,
    sending: u64,
    unknown: u64,
    oldest_seconds: Option<i64>,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<_, NoArgs, StatusResult, _>(&SPEC, ToolResult::failed, |context, NoArgs {}| {
        Box::pin(async move { call(context).await.unwrap_or_else(ToolResult::failed) })
    })
}

async fn call(context: &ToolContext) -> Result<ToolResult, String> {
    let stats = context.outbox().stats().await.map_err(|error| error.to_string())?;
    let usage = context.outbox().usage().await.map_err(|error| error.to_string())?;
    let now = context.clock.now().to_utc();
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
        outbox: OutboxView {
            queued: stats.queued,
            unserved: stats.unserved,
            held: stats.held,
            awaiting_approval: stats.awaiting_approval,
            sending: stats.sending,
            unknown: stats.unknown,
            oldest_seconds: stats.oldest.map(|oldest| (now - oldest).num_seconds().max(0)),
        },
        quota: QuotaView::of(config.policy.quota(), usage),
        paused_since: stats.paused_since.map(rfc3339),
        policy: config.policy.preset.word(),
        approval: config.policy.approval.word(),
        max_attachment_size_mb: mebibytes(config.limits.attachment_bytes),
        max_total_attachments_size_mb: mebibytes(config.limits.attachments_bytes),
    };
    let limits = format!(
        "{}: attachments up to {} MiB each, {} MiB in all; {} is configured as the first server",
        body.service,
        body.max_attachment_size_mb,
        body.max_total_attachments_size_mb,
        body.primary_server.as_deref().unwrap_or("none")
    );
    let lines = status_lines(&body.server_status, &body.server_configurations);
    let rules = format!("policy {}, approval {}; {}", body.policy, body.approval, body.quota.line());
    Ok(ToolResult::done(text(&body), &body).with_lines(lines).with_lines([rules, limits]))
}

fn text(body: &StatusResult) -> String {
    let first = body.current_server.as_deref().unwrap_or("none");
    let OutboxView { queued, unserved, held, awaiting_approval, sending, unknown, oldest_seconds } =
        body.outbox;
    let oldest = oldest_seconds.map(|age| format!(", the oldest for {age} s")).unwrap_or_default();
    let unserved = match unserved {
        0 => String::new(),
        count => format!(" ({count} of them for accounts that no running program has)"),
    };
    let approval = match awaiting_approval {
        0 => String::new(),
        count => format!(
            " {count} held until the user approves them: see `smtp-mcp-server outbox list --state held`."
        ),
    };
    let held = match held - awaiting_approval {
        0 => String::new(),
        _ => format!(
            " {held} held in all, because the outbox was copied or restored: see `smtp-mcp-server outbox adopt`."
        ),
    };
    let paused =
        body.paused_since.as_ref().map(|since| format!(" Since {since} {PAUSED}.")).unwrap_or_default();
    format!(
        "{}: {} SMTP server(s), the next mail goes to {first} first. Outbox: {queued} waiting{unserved}{oldest}, {sending} being \
         sent, {unknown} unknown.{approval}{held}{paused}",
        body.status, body.total_servers
    )
}

#[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52 bytes")]
fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
