//! `send_email` for the command line: the same code as the tool, without a client.

use std::sync::Arc;

use super::context::ToolContext;
use super::send_result::{Sent, send_result};
use super::tool_result::{Service as _, ToolResult};
use super::tools;
use crate::clock::Clock;
use crate::delivery::Deliveries;
use crate::outbox::Principal;
use crate::outcome::{RecipientStatus, State};
use crate::request::SendEmailArgs;
use crate::upstream::Upstreams;

const NOTHING_IS_KEPT: &str = "nothing is kept, because SMTP_MCP_OUTBOX is memory: try again";

/// A mail that a command sends and waits for.
pub(crate) struct LocalSend {
    context: ToolContext,
    sent: Result<Sent, ToolResult>,
}

impl LocalSend {
    /// Sends the mail and waits for its outcome, as the tool does.
    pub(crate) async fn run(upstreams: Arc<Upstreams>, deliveries: Deliveries, args: SendEmailArgs) -> Self {
        let context = ToolContext::new(upstreams, deliveries, Principal::Local, Clock::System);
        let sent = tools::send(&context, args).await;
        Self { context, sent }
    }

    /// The result for a program that ends: the deliveries have ended, and this process has left the outbox.
    pub(crate) async fn result(self) -> ToolResult {
        let context = self.context.clone();
        context.annotate(self.untagged().await)
    }

    async fn untagged(self) -> ToolResult {
        let mut sent = match self.sent {
            Ok(sent) => sent,
            Err(refusal) => return refusal,
        };
        if !sent.email.state.is_final()
            && let Ok(Some(email)) = self.context.outbox().get(sent.email.id, None).await
        {
            // What is in progress even now was not recorded in time.
            sent.may_have_been_sent = email.state == State::Sending;
            sent.email = email;
        }
        if !sent.is_kept {
            give_up(&mut sent);
        }
        send_result(&sent)
    }
}

/// What waits in memory ends with the program.
fn give_up(sent: &mut Sent) {
    let email = &mut sent.email;
    if email.state != State::Queued {
        return;
    }
    for one in &mut email.recipients {
        if matches!(one.status, RecipientStatus::TryNext | RecipientStatus::Deferred) {
            one.status = RecipientStatus::Rejected;
            let why = if one.reason.is_empty() { "it was not sent in time" } else { &one.reason };
            one.reason = format!("{why}; {NOTHING_IS_KEPT}");
        }
    }
    email.state = State::of(email.recipients.iter().map(|one| one.status));
}
