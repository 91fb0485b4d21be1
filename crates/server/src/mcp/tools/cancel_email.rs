//! `cancel_email`: withdraws a mail from those who have not got it.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Annotations, ToolSpec};
use crate::config::Mode;
use crate::mcp::cancellation::Cancellation;
use crate::mcp::context::ToolContext;
use crate::mcp::email_view::{EmailView, parse_id};
use crate::mcp::schema;
use crate::mcp::tool_result::ToolResult;

const SPEC: ToolSpec = ToolSpec {
    name: "cancel_email",
    title: "Cancel a mail",
    description: "Cancels a mail that waits: queued, scheduled or held. One that is being sent is tried no further, but this attempt \
        may still succeed. Too late, with isError: what was sent cannot be taken back.",
    annotations: Annotations { read_only: false, destructive: true, idempotent: true, open_world: false },
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Args {
    /// The id that send_email returned
    id: String,
}

#[derive(Serialize, JsonSchema)]
struct CancelResult {
    /// cancelled; or sending, if it must be waited for; or what it was too late for
    state: &'static str,
    /// As in get_email
    #[schemars(schema_with = "schema::object")]
    email: EmailView,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<_, Args, CancelResult, _>(&SPEC, ToolResult::failed, |context, args| {
        Box::pin(async move { call(context, &args.id).await.unwrap_or_else(ToolResult::failed) })
    })
}

async fn call(context: &ToolContext, id: &str) -> Result<ToolResult, String> {
    let id = parse_id(id)?;
    let mode = context.upstreams.snapshot().config.mode;
    if matches!(mode, Mode::DryRun | Mode::Capture) {
        return Err(format!("nothing is cancelled while SMTP_MODE is {}", mode.word()));
    }
    let found = context.deliveries.cancel(id, Some(context.principal)).await;
    let (cancelled, waited) = found.map_err(|error| error.to_string())?;
    let waited = waited.ok_or_else(|| format!("there is no mail with the id {}", id.simple()))?;
    let cancellation = Cancellation::of(cancelled, &waited.email);
    let result = CancelResult { state: waited.email.state.word(), email: EmailView::of(&waited.email) };
    let lines = result.email.lines();
    let answer = if cancellation.is_too_late {
        ToolResult::failed_with(cancellation.text, &result)
    } else {
        ToolResult::done(cancellation.text, &result)
    };
    Ok(answer.with_lines(lines))
}
