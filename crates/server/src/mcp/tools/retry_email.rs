//! `retry_email`: tries the recipients of a mail again that did not get it, or may not have.

use std::sync::Arc;
use std::time::Duration;

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Annotations, ToolSpec};
use crate::config::Mode;
use crate::mcp::context::ToolContext;
use crate::mcp::email_view::{note, parse_id};
use crate::mcp::send_result::{Sent, over_quota, send_result};
use crate::mcp::tool_result::ToolResult;
use crate::outbox::{CONTENT_KEPT, Retried};
use crate::outcome::State;

/// How long the call waits for the outcome.
const WAIT: Duration = Duration::from_secs(30);

const SPEC: ToolSpec = ToolSpec {
    name: "retry_email",
    title: "Send a mail again",
    description: "Sends a mail in state unknown, refused or partial again, with the same Message-ID, only to recipients whose status is \
        unknown or rejected. Those whose status is unknown may get it twice: ask the user first.",
    annotations: Annotations { read_only: false, destructive: true, idempotent: false, open_world: true },
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Args {
    /// The id that send_email returned
    id: String,
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
        Box::pin(async move { call(context, &args.id).await.unwrap_or_else(ToolResult::failed) })
    })
}

async fn call(context: &ToolContext, id: &str) -> Result<ToolResult, String> {
    let began = context.clock.instant();
    let id = parse_id(id)?;
    let config = Arc::clone(&context.upstreams.snapshot().config);
    if config.mode != Mode::Live {
        return Err(format!("nothing is sent again while SMTP_MODE is {}", config.mode.word()));
    }
    let quota = config.policy.quota();
    let retried = context.outbox().retry(id, Some(context.principal), quota).await;
    let retried = retried.map_err(|error| error.to_string())?;
    let progress = match retried {
        Retried::Queued { queued, is_served: true, .. } => context.deliveries.begin_again(queued),
        // Another process sends it, or one that has the account when it runs.
        Retried::Queued { .. } => None,
        Retried::OverQuota(over) => return Err(over_quota(&over)),
        Retried::NotNow(state) => return Err(not_now(context, id, state).await?),
        Retried::NoContent => {
            let days = CONTENT_KEPT.as_secs() / 86_400;
            return Err(format!(
                "the content of this mail is no longer kept (it is deleted after {days} days); send it anew with send_email"
            ));
        }
        Retried::NotFound => return Err(format!("there is no mail with the id {}", id.simple())),
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
    }))
}

/// Why a mail in this state is not sent again.
///
/// # Errors
/// The outbox cannot be read.
async fn not_now(context: &ToolContext, id: Uuid, state: State) -> Result<String, String> {
    let email = context.outbox().get(id, Some(context.principal)).await.map_err(|error| error.to_string())?;
    Ok(match state {
        State::Sending => {
            let sender = email.and_then(|email| email.sending_by);
            let sender = sender.map_or_else(|| "this program".to_owned(), |process| process.to_string());
            format!(
                "nothing to retry yet: the mail is being sent by {sender}; wait until that has ended, get_email tells when"
            )
        }
        State::Held => {
            let note = email.and_then(|email| note(&email)).unwrap_or_else(|| "held".to_owned());
            format!("nothing to retry yet: the mail is {note}")
        }
        State::Unknown | State::Refused | State::Partial => {
            "nothing to retry: a person withdrew the mail from those who have not got it".to_owned()
        }
        _ => format!(
            "nothing to retry: the mail is {}; only mails in state unknown, refused or partial can be sent again",
            state.word()
        ),
    })
}
