//! `send_email`: sends one mail, exactly as asked, once; or says why not.

use std::sync::Arc;
use std::time::Duration;

use rmcp::handler::server::tool::ToolRoute;
use tokio::time::timeout;

use super::{Annotations, ToolSpec};
use crate::mcp::context::ToolContext;
use crate::mcp::send_result::{SendResult, refused, send_result};
use crate::mcp::tool_result::{ToolResult, one_line};
use crate::request::SendEmailArgs;
use crate::submit::submit;

pub(in crate::mcp) const NAME: &str = "send_email";

/// The time limit from the call to its answer: a client gets it within 50 s.
const WAIT: Duration = Duration::from_secs(45);

const SPEC: ToolSpec = ToolSpec {
    name: NAME,
    title: "Send an e-mail",
    description: "Sends one e-mail through the user's SMTP server and reports what happened for each recipient. \
        state: sent, partial (some refused), refused (nobody got it; correct and try again), \
        unknown (may have arrived: do not send again unless the user says so).",
    annotations: Annotations {
        read_only: false,
        // Nothing is overwritten, but a mail cannot be taken back either: clients should ask.
        destructive: true,
        idempotent: false,
        open_world: true,
    },
};

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<SendEmailArgs, SendResult, _>(&SPEC, refused, |context, args| {
        Box::pin(call(context, args))
    })
}

async fn call(context: &ToolContext, args: SendEmailArgs) -> ToolResult {
    let began = context.clock.instant();
    let servers = context.upstreams.snapshot();
    let composing = submit(args, Arc::clone(&servers.config), &context.clock, &context.compose_budget);
    let message = match timeout(WAIT, composing).await {
        Ok(Ok(message)) => Arc::new(message),
        Ok(Err(error)) => return refused(one_line(&error.to_string())),
        Err(_) => return refused("the mail could not be prepared in time; try again, or a smaller one"),
    };
    let left = WAIT.saturating_sub(context.clock.instant().saturating_duration_since(began));
    let outcome = context.deliveries.send(servers, Arc::clone(&message), left).await;
    send_result(&message, &outcome)
}
