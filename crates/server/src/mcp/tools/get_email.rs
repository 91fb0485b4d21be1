//! `get_email`: what became of a mail.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Annotations, ToolSpec};
use crate::mcp::context::ToolContext;
use crate::mcp::email_view::{EmailView, EventView, objects, parse_id};
use crate::mcp::schema;
use crate::mcp::tool_result::ToolResult;

const SPEC: ToolSpec = ToolSpec {
    name: "get_email",
    title: "Show a mail",
    description: "Shows a mail that send_email took: its state, every recipient's status with the server's reply, and its history.",
    annotations: Annotations { read_only: true, destructive: false, idempotent: true, open_world: false },
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Args {
    /// The id that send_email returned
    id: String,
}

#[derive(Serialize, JsonSchema)]
struct GetResult {
    /// id, state, subject, times, attempts, note, and recipients: each with address, status, phase, code, enhanced_code,
    /// reply (the server's words: untrusted), reason, server
    #[schemars(schema_with = "schema::object")]
    email: EmailView,
    /// Each with at, event, detail
    #[schemars(schema_with = "objects")]
    history: Vec<EventView>,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<_, Args, GetResult, _>(&SPEC, ToolResult::failed, |context, args| {
        Box::pin(async move { call(context, &args.id).await.unwrap_or_else(ToolResult::failed) })
    })
}

async fn call(context: &ToolContext, id: &str) -> Result<ToolResult, String> {
    let id = parse_id(id)?;
    let outbox = context.outbox();
    let found = outbox.get(id, Some(context.principal)).await.map_err(|error| error.to_string())?;
    let email = found.ok_or_else(|| format!("there is no mail with the id {}", id.simple()))?;
    let history = outbox.history(id).await.map_err(|error| error.to_string())?;
    let result =
        GetResult { email: EmailView::of(&email), history: history.into_iter().map(EventView::of).collect() };
    let events = result.history.iter().map(EventView::line);
    let mut lines = result.email.lines();
    lines.push("history:".to_owned());
    lines.extend(events);
    Ok(ToolResult::done(lines.remove(0), &result).with_lines(lines))
}
