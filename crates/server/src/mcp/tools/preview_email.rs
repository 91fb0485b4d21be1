//! `preview_email`: the mail as it would be, and what the rules say about each recipient. Sends nothing and keeps nothing.

use std::sync::LazyLock;

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::send_email::prepare;
use super::{Annotations, ToolSpec};
use crate::compose::Composed;
use crate::mcp::arguments::Arguments;
use crate::mcp::content_view::{ContentView, hex};
use crate::mcp::context::ToolContext;
use crate::mcp::quota_view::QuotaView;
use crate::mcp::schema;
use crate::mcp::tool_result::ToolResult;
use crate::message::Message;
use crate::policy::{Decision, Judged};
use crate::request::SendEmailArgs;
use crate::submit::Submission;

/// Longer texts are cut: the caller has them.
const MAX_TEXT_BYTES: usize = 20_000;

/// Larger messages are not read on the thread that serves the protocol, in bytes.
const LARGE: usize = 64 << 10;

const SPEC: ToolSpec = ToolSpec {
    name: "preview_email",
    title: "Preview an e-mail",
    description: "Shows a mail as send_email would send it, without sending it: header, text, attachments, and for each \
        recipient whether the user's rules allow it, ask the user first, or deny it.",
    annotations: Annotations { read_only: true, destructive: false, idempotent: true, open_world: false },
};

/// The arguments of `send_email`.
static EMAIL: LazyLock<Arguments> = LazyLock::new(|| Arguments::new(&schema::input::<SendEmailArgs>()));

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Args {
    /// The arguments of send_email
    #[schemars(schema_with = "schema::object")]
    email: Map<String, Value>,
}

// Plain comments: doc comments become descriptions in the schema.
#[derive(Serialize, JsonSchema)]
struct PreviewResult {
    #[schemars(extend("enum" = ["allow", "ask", "deny"]))]
    decision: &'static str,
    /// Each with address, decision, rule, reason
    #[schemars(schema_with = "crate::mcp::email_view::objects")]
    recipients: Vec<RecipientView>,
    sender: String,
    subject: String,
    size: usize,
    /// The same mail has the same digest, also when it is held
    digest: String,
    #[schemars(schema_with = "schema::object")]
    quota: QuotaView,
    #[serde(flatten)]
    #[schemars(with = "ContentSchema")]
    content: Option<ContentView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
}

// Spelled out, it would cost more tokens than it is worth.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it is only a schema")]
struct ContentSchema {
    #[schemars(schema_with = "crate::mcp::email_view::objects")]
    headers: (),
    text: Option<String>,
    html: Option<String>,
    /// Each with filename, content_type, size, sha256
    #[schemars(schema_with = "crate::mcp::email_view::objects")]
    attachments: (),
}

#[derive(Serialize)]
struct RecipientView {
    address: String,
    decision: &'static str,
    rule: Option<&'static str>,
    reason: String,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<_, Args, PreviewResult, _>(&SPEC, ToolResult::failed, |context, args| {
        Box::pin(async move { preview(context, args.email).await.unwrap_or_else(|refusal| refusal) })
    })
}

async fn preview(context: &ToolContext, email: Map<String, Value>) -> Result<ToolResult, ToolResult> {
    let (args, _permit) = EMAIL.read::<SendEmailArgs>(email).await.map_err(ToolResult::failed)?;
    let servers = context.upstreams.snapshot();
    let policy = &servers.config.policy;
    let Submission { composed, recipients, hints } = prepare(context, &servers, args).await?;
    let Composed { message, subject, request, .. } = composed;
    let failed = |error: crate::outbox::OutboxError| ToolResult::failed(error.to_string());
    let judgement = context.outbox().judge(policy, &recipients).await.map_err(failed)?;
    let usage = context.outbox().usage().await.map_err(failed)?;
    let sender = message.header_variants.first().map(|one| one.sender.to_string()).unwrap_or_default();
    let size = message.header_variants.first().map_or(0, |one| one.header.len()) + message.content.len();
    let content = content_of(context, message).await;
    let body = PreviewResult {
        decision: judgement.decision().word(),
        recipients: judgement.recipients.iter().map(RecipientView::of).collect(),
        sender,
        subject,
        size,
        digest: hex(&request.0),
        quota: QuotaView::of(policy.quota(), usage),
        content,
        hints,
    };
    let text = match judgement.decision() {
        Decision::Deny => "Nothing was sent. The rules deny this mail: it would be refused.",
        _ if body.quota.is_used_up() => {
            "Nothing was sent. The rules do not deny this mail, but the quota is used up: it would be refused now."
        }
        Decision::Ask => "Nothing was sent. This mail would be held until the user approves it.",
        Decision::Allow => "Nothing was sent. The rules allow this mail.",
    };
    let lines = body.lines();
    Ok(ToolResult::done(text, &body).with_lines(lines))
}

/// What is in the message as its first server would get it. A large one is read on a blocking thread, in its turn.
async fn content_of(context: &ToolContext, message: Message) -> Option<ContentView> {
    let is_large = message.content.len() > LARGE;
    let read = move || {
        let header = message.header_variants.first().map(|one| &one.header[..]).unwrap_or_default();
        ContentView::of(&[header, &message.content].concat(), MAX_TEXT_BYTES)
    };
    if !is_large {
        return read();
    }
    let permit = context.compose_budget.compose_permit().await;
    let reading = tokio::task::spawn_blocking(move || (read(), permit));
    reading.await.ok().and_then(|(content, _permit)| content)
}

impl RecipientView {
    fn of(judged: &Judged) -> Self {
        let verdict = &judged.verdict;
        Self {
            address: judged.address.to_string(),
            decision: verdict.decision.word(),
            rule: verdict.rule,
            reason: verdict.reason.clone(),
        }
    }

    fn line(&self) -> String {
        let rule = self.rule.map(|rule| format!(" by {rule}")).unwrap_or_default();
        format!("{}: {}{rule}: {}", self.address, self.decision, self.reason)
    }
}

impl PreviewResult {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "decision {}; from {}; {} bytes; digest {}; subject: {}",
            self.decision, self.sender, self.size, self.digest, self.subject
        )];
        lines.extend(self.recipients.iter().map(RecipientView::line));
        lines.push(self.quota.line());
        lines.extend(self.hints.iter().map(|hint| format!("hint: {hint}")));
        lines.extend(self.content.iter().flat_map(ContentView::lines));
        lines
    }
}
