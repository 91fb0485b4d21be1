//! `send_email`: takes one mail, exactly as asked, once; waits for its outcome; or says why not.

use std::sync::Arc;

use rmcp::handler::server::tool::ToolRoute;
use tokio::time::timeout;
use uuid::Uuid;

use super::options::{MAX_WAIT, Options};
use super::{Annotations, ToolSpec};
use crate::compose::Composed;
use crate::config::Mode;
use crate::delivery::{Permission, permission};
use crate::mcp::context::ToolContext;
use crate::mcp::send_result::{
    SendResult, Sent, no_room, over_quota, refused, refused_because_of, send_result, unknown_record, untaken,
};
use crate::mcp::tool_result::{ToolResult, one_line};
use crate::outbox::{Enqueued, Hold, NewMessage, OutboxError};
use crate::outcome::State;
use crate::policy::Policy;
use crate::request::SendEmailArgs;
use crate::submit::{Submission, submit};
use crate::upstream::{Snapshot, accounts_for};

pub(in crate::mcp) const NAME: &str = "send_email";

const SPEC: ToolSpec = ToolSpec {
    name: NAME,
    title: "Send an e-mail",
    description: "Sends one e-mail through the user's SMTP server and reports what happened for each recipient. \
        state: sent, partial (some refused), queued or held for the user's approval (kept: do not send again), \
        refused (nobody got it; correct and try again), \
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
    super::route::<_, SendEmailArgs, SendResult, _>(&SPEC, refused, |context, args| {
        Box::pin(async move {
            match send(context, args).await {
                Ok(sent) => send_result(&sent),
                Err(refusal) => refusal,
            }
        })
    })
}

/// Takes a mail, and waits for its outcome.
///
/// # Errors
/// The result of a call that took no mail, or may not have taken it.
pub(in crate::mcp) async fn send(context: &ToolContext, mut args: SendEmailArgs) -> Result<Sent, ToolResult> {
    let began = context.clock.instant();
    let servers = context.upstreams.snapshot();
    let options = Options::take(&mut args, context.clock.now(), servers.config.undo).map_err(refused)?;
    let mut submission = prepare(context, &servers, args).await?;
    let hold = hold(context, &servers.config.policy, &submission).await?;
    let elapsed = || context.clock.instant().saturating_duration_since(began);
    if matches!(servers.config.mode, Mode::DryRun | Mode::Capture) {
        return Err(untaken(&servers.config, submission, hold, elapsed(), context.clock.now()).await);
    }
    if context.cancelled.is_cancelled() {
        return Err(refused("the client cancelled the call"));
    }
    let hints = std::mem::take(&mut submission.hints);
    let wait = options.wait.min(MAX_WAIT.saturating_sub(elapsed()));
    let (id, offset) = (submission.composed.id, options.offset);
    let new = NewMessage { hold, ..new_message(context, &servers, submission.composed, options) };
    let (id, progress, is_repeated) = match context.deliveries.enqueue(new, servers).await {
        Ok((Enqueued::New(_), progress)) => (id, progress, false),
        Ok((Enqueued::Held, _)) => (id, None, false),
        Ok((Enqueued::Earlier(id), _)) => (id, None, true),
        Ok((Enqueued::OverQuota(over), _)) => return Err(refused(over_quota(&over))),
        Ok((Enqueued::NoRoom(lacking), _)) => return Err(refused(no_room(lacking))),
        Ok((Enqueued::Conflict(earlier, state), _)) => return Err(conflict(earlier, state)),
        Ok((Enqueued::PossibleDuplicate(earlier, state), _)) => {
            return Err(possible_duplicate(earlier, state));
        }
        Err(error @ OutboxError::Uncertain(_)) => return Err(unknown_record(id, error)),
        Err(error) => return Err(refused(format!("{error}; nothing was sent"))),
    };
    let waited = context.wait(id, wait, progress).await.map_err(|error| unknown_record(id, error))?;
    Ok(Sent {
        email: waited.email,
        may_have_been_sent: waited.may_have_been_sent,
        duration: elapsed(),
        is_repeated,
        hints,
        is_kept: context.outbox().is_durable(),
        now: context.clock.now().to_utc(),
        offset,
    })
}

/// Whether a person must approve it first.
///
/// # Errors
/// It may not be sent.
async fn hold(
    context: &ToolContext,
    policy: &Policy,
    submission: &Submission,
) -> Result<Option<Hold>, ToolResult> {
    match permission(context.outbox(), policy, &submission.recipients, false).await {
        Ok(Permission::Granted) => Ok(None),
        Ok(Permission::NeedsApproval(hold)) => Ok(Some(hold)),
        Ok(Permission::Denied(reason)) => Err(refused(reason)),
        Err(error) => Err(refused(format!("{error}; nothing was sent"))),
    }
}

fn conflict(earlier: Uuid, state: State) -> ToolResult {
    let (id, state) = (earlier.simple(), state.word());
    let problem = format!(
        "this idempotency_key belongs to another mail (id {id}, {state}); use a new key for a new mail"
    );
    refused_because_of(earlier, problem)
}

fn possible_duplicate(earlier: Uuid, state: State) -> ToolResult {
    let (id, state) = (earlier.simple(), state.word());
    let problem = format!(
        "the same mail was sent less than five minutes ago (id {id}, {state}). If the user wants it twice, set allow_duplicate to true"
    );
    refused_because_of(earlier, problem)
}

pub(super) async fn prepare(
    context: &ToolContext,
    servers: &Snapshot,
    args: SendEmailArgs,
) -> Result<Submission, ToolResult> {
    let config = Arc::clone(&servers.config);
    let composing = submit(args, config, &context.clock, &context.compose_budget);
    match timeout(MAX_WAIT, composing).await {
        Ok(Ok(submission)) => Ok(submission),
        Ok(Err(error)) => Err(refused(one_line(&error.to_string()))),
        Err(_) => Err(refused("the mail could not be prepared in time; try again, or a smaller one")),
    }
}

fn new_message(
    context: &ToolContext,
    servers: &Snapshot,
    composed: Composed,
    options: Options,
) -> NewMessage {
    let Composed { id, message, subject, request } = composed;
    NewMessage {
        id,
        accounts: accounts_for(servers, &message),
        message: Arc::new(message),
        subject,
        request,
        principal: context.principal,
        idempotency_key: options.idempotency_key,
        allow_duplicate: options.allow_duplicate,
        on_unknown: servers.config.on_unknown,
        quota: servers.config.policy.quota(),
        hold: None,
        schedule: options.schedule,
        all_or_nothing: options.all_or_nothing,
        limits: servers.config.outbox_limits,
    }
}
