//! `retry_email`: tries the recipients of a mail again that did not get it, or may not have.

use std::time::Duration;

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Annotations, ToolSpec};
use crate::config::Mode;
use crate::mcp::context::ToolContext;
use crate::mcp::email_view::parse_id;
use crate::mcp::retry_refusal::retry_refusal;
use crate::mcp::send_result::{Sent, send_result};
use crate::mcp::tool_result::{ToolResult, one_line};
use crate::outbox::{Retried, Retry};
use crate::request::{Addresses, addresses};
use crate::upstream::accounts_for;

/// How long the call waits for the outcome.
const WAIT: Duration = Duration::from_secs(30);

const SPEC: ToolSpec = ToolSpec {
    name: "retry_email",
    title: "Send a mail again",
    description: "Sends a mail in state unknown, refused or partial again, with the same Message-ID, only to recipients whose status is \
        unknown or rejected, or those named. Those whose status is unknown may get it twice: ask the user first. \
        A mail that waits for servers that are gone goes through those configured now.",
    annotations: Annotations { read_only: false, destructive: true, idempotent: false, open_world: true },
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Args {
    /// The id that send_email returned
    id: String,
    /// Only these, as to
    #[serde(default)]
    recipients: Option<Addresses>,
}

// The rest is as in send_email.
#[derive(Serialize, JsonSchema)]
struct RetryResult {
    /// With all that send_email returns
    state: &'static str,
    id: String,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<_, Args, RetryResult, _>(&SPEC, ToolResult::failed, |context, args| {
        Box::pin(async move { call(context, &args).await.unwrap_or_else(ToolResult::failed) })
    })
}

async fn call(context: &ToolContext, args: &Args) -> Result<ToolResult, String> {
    let began = context.clock.instant();
    let id = parse_id(&args.id)?;
    let only = args.recipients.as_ref().map(|given| addresses("recipients", given)).transpose();
    let only = only.map_err(|error| one_line(&error.to_string()))?.unwrap_or_default();
    let servers = context.upstreams.snapshot();
    let config = &servers.config;
    if config.mode != Mode::Live {
        return Err(format!("nothing is sent again while SMTP_MODE is {}", config.mode.word()));
    }
    let (principal, quota) = (Some(context.principal), config.policy.quota());
    let message = context.outbox().message(id).await.map_err(|error| error.to_string())?;
    let accounts = message.map(|message| accounts_for(&servers, &message)).unwrap_or_default();
    let retried = context.outbox().retry(Retry { id, principal, only, accounts, quota }).await;
    let retried = retried.map_err(|error| error.to_string())?;
    let refusal = retry_refusal(context.outbox(), id, Some(context.principal), &retried).await;
    if let Some(refusal) = refusal.map_err(|error| error.to_string())? {
        return Err(refusal);
    }
    let progress = match retried {
        Retried::Queued { queued, is_served: true, .. } => context.deliveries.begin_again(queued),
        // Another process sends it, or one that has the account when it runs.
        _ => None,
    };
    let waited = context.wait(id, WAIT, progress).await.map_err(|error| error.to_string())?;
    Ok(send_result(&Sent {
        email: waited.email,
        may_have_been_sent: waited.may_have_been_sent,
        duration: context.clock.instant().saturating_duration_since(began),
        is_repeated: false,
        hints: Vec::new(),
        is_kept: context.outbox().is_durable(),
        now: context.clock.now().to_utc(),
        offset: None,
    }))
}
