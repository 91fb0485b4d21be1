//! `list_emails`: the mails in the outbox, newest first.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Annotations, ToolSpec};
use crate::mcp::context::ToolContext;
use crate::mcp::email_view::{EmailView, objects, parse_id};
use crate::mcp::tool_result::ToolResult;
use crate::outbox::Filter;
use crate::outcome::State;

/// Mails on a page, if the call does not say.
const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

const SPEC: ToolSpec = ToolSpec {
    name: "list_emails",
    title: "List mails",
    description: "Lists the mails that send_email took, newest first, also those that wait or failed.",
    annotations: Annotations { read_only: true, destructive: false, idempotent: true, open_world: false },
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Args {
    /// Only mails in this state: queued, sending, unknown, sent, partial, refused
    #[serde(default)]
    state: Option<String>,
    /// Only mails to this address
    #[serde(default)]
    recipient: Option<String>,
    /// 1 to 100, default 20
    #[serde(default)]
    limit: Option<u32>,
    /// next_cursor of the page before
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct ListResult {
    /// Each as the email of get_email
    #[schemars(schema_with = "objects")]
    emails: Vec<EmailView>,
    /// Pass it as cursor for the next page; null on the last one
    next_cursor: Option<String>,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<_, Args, ListResult, _>(&SPEC, ToolResult::failed, |context, args| {
        Box::pin(async move { call(context, args).await.unwrap_or_else(ToolResult::failed) })
    })
}

async fn call(context: &ToolContext, args: Args) -> Result<ToolResult, String> {
    let limit = args.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(format!("limit: expected 1 to {MAX_LIMIT}"));
    }
    let limit = limit as usize;
    let filter = Filter {
        principal: Some(context.principal),
        state: args.state.map(|state| parse_state(&state)).transpose()?,
        recipient: args.recipient,
        before: args.cursor.map(|cursor| parse_id(&cursor)).transpose()?,
        // One more tells whether there is another page.
        limit: limit + 1,
    };
    let mut emails = context.outbox().list(filter).await.map_err(|error| error.to_string())?;
    let is_last = emails.len() <= limit;
    emails.truncate(limit);
    let next_cursor = emails.last().filter(|_| !is_last).map(|email| email.id.simple().to_string());
    let more =
        next_cursor.as_ref().map(|cursor| format!("There are more: call it again with cursor {cursor}."));
    let emails: Vec<_> = emails.iter().map(EmailView::of).collect();
    let lines: Vec<_> = emails.iter().flat_map(EmailView::lines).collect();
    let text = match emails.len() {
        0 => "No mails.".to_owned(),
        1 => "1 mail:".to_owned(),
        count => format!("{count} mails, newest first:"),
    };
    Ok(ToolResult::done(text, &ListResult { emails, next_cursor }).with_lines(lines).with_lines(more))
}

fn parse_state(word: &str) -> Result<State, String> {
    let known = || State::ALL.map(State::word).join(", ");
    State::parse(word).ok_or_else(|| format!("state: expected one of {}", known()))
}
