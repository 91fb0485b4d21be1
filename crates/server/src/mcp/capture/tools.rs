//! The tools of `capture --mcp`: list, get, wait for and clear captured mails.

use std::time::Duration;

use rmcp::handler::server::tool::ToolRouter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::mails::{CapturedMails, Filter};
use super::view::{EnvelopeView, MailView};
use crate::mcp::arguments::NoArgs;
use crate::mcp::tool_result::{Service, ToolResult};
use crate::mcp::tools::{Annotations, ToolSpec, route};

/// How many mails a list has, if the call does not say.
const DEFAULT_LIMIT: usize = 50;

/// How long a call waits, if it does not say, and at most.
const DEFAULT_WAIT: f64 = 30.0;
const MAX_WAIT: f64 = 45.0;

impl Service for CapturedMails {
    fn annotate(&self, answer: ToolResult) -> ToolResult {
        answer
    }
}

const READS: Annotations =
    Annotations { read_only: true, destructive: false, idempotent: true, open_world: false };

const LIST: ToolSpec = ToolSpec {
    name: "list_captured_emails",
    title: "List captured mails",
    description: "Lists the mails that the test server captured, newest first, with envelope and subject.",
    annotations: READS,
};

const GET: ToolSpec = ToolSpec {
    name: "get_captured_email",
    title: "Show a captured mail",
    description: "Shows a captured mail: envelope, header fields, text, HTML, and the names of its attachments.",
    annotations: READS,
};

const WAIT: ToolSpec = ToolSpec {
    name: "wait_for_captured_email",
    title: "Wait for a mail",
    description: "Waits until a mail is captured that matches, and shows it. One that is there already counts, unless its number is excluded by after.",
    annotations: READS,
};

const CLEAR: ToolSpec = ToolSpec {
    name: "clear_captured_emails",
    title: "Forget captured mails",
    description: "Forgets all captured mails, so that the next ones are easy to tell. Their files stay.",
    annotations: Annotations { read_only: false, destructive: true, idempotent: true, open_world: false },
};

#[derive(Debug, Deserialize, JsonSchema)]
struct ListArgs {
    /// Part of a recipient's address
    #[serde(default)]
    recipient: Option<String>,
    /// Part of the subject
    #[serde(default)]
    subject: Option<String>,
    /// At most so many, default 50
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct GetArgs {
    /// Its number in the list
    number: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct WaitArgs {
    /// Part of a recipient's address
    #[serde(default)]
    recipient: Option<String>,
    /// Part of the subject
    #[serde(default)]
    subject: Option<String>,
    /// Only mails with a greater number
    #[serde(default)]
    after: Option<u64>,
    /// 0 to 45, default 30
    #[serde(default)]
    timeout_seconds: Option<f64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Listed {
    /// How many match
    total: usize,
    emails: Vec<EnvelopeView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Cleared {
    cleared: usize,
}

pub(super) fn router() -> ToolRouter<CapturedMails> {
    ToolRouter::new()
        .with_route(route::<_, ListArgs, Listed, _>(&LIST, ToolResult::failed, |mails, args| {
            Box::pin(async move { list(mails, args) })
        }))
        .with_route(route::<_, GetArgs, MailView, _>(&GET, ToolResult::failed, |mails, args| {
            Box::pin(async move { get(mails, args.number) })
        }))
        .with_route(route::<_, WaitArgs, MailView, _>(&WAIT, ToolResult::failed, |mails, args| {
            Box::pin(async move { wait(mails, args).await })
        }))
        .with_route(route::<_, NoArgs, Cleared, _>(&CLEAR, ToolResult::failed, |mails, _| {
            Box::pin(async move { clear(mails) })
        }))
}

fn list(mails: &CapturedMails, args: ListArgs) -> ToolResult {
    let filter = Filter { recipient: args.recipient, subject: args.subject, after: 0 };
    let (total, newest) = mails.newest(&filter, args.limit.unwrap_or(DEFAULT_LIMIT));
    let listed = Listed { total, emails: newest.iter().map(EnvelopeView::of).collect() };
    let text = match (listed.total, listed.emails.len()) {
        (1, 1) => "1 mail was captured.".to_owned(),
        (total, shown) if total == shown => format!("{total} mails were captured."),
        (total, shown) => format!("{total} mails were captured; these are the newest {shown}."),
    };
    let lines: Vec<_> = listed.emails.iter().map(EnvelopeView::line).collect();
    ToolResult::done(text, &listed).with_lines(lines)
}

fn get(mails: &CapturedMails, number: u64) -> ToolResult {
    let Some(mail) = mails.get(number) else {
        return ToolResult::failed(format!(
            "there is no captured mail {number}; list_captured_emails has the numbers"
        ));
    };
    let file = mail.file.display().to_string();
    let bytes = match std::fs::read(&mail.file) {
        Ok(bytes) => bytes,
        Err(error) => return ToolResult::failed(format!("its file {file} cannot be read: {error}")),
    };
    match MailView::of(&mail, &bytes) {
        Some(view) => ToolResult::done(format!("Captured mail {number}."), &view).with_lines(view.lines()),
        None => ToolResult::failed(format!("mail {number} has no header: {file}")),
    }
}

async fn wait(mails: &CapturedMails, args: WaitArgs) -> ToolResult {
    let seconds = args.timeout_seconds.unwrap_or(DEFAULT_WAIT);
    if !(0.0..=MAX_WAIT).contains(&seconds) {
        return ToolResult::failed(format!("timeout_seconds: expected 0 to {MAX_WAIT}"));
    }
    let after = args.after.unwrap_or_default();
    let filter = Filter { recipient: args.recipient, subject: args.subject, after };
    match mails.wait(&filter, Duration::from_secs_f64(seconds)).await {
        Some(mail) => get(mails, mail.number),
        None => {
            let others = mails.newest(&Filter { after, ..Filter::default() }, 0).0;
            let body = json!({ "others": others });
            ToolResult::failed_with(
                format!("no such mail arrived within {seconds} s; others that arrived: {others}"),
                &body,
            )
        }
    }
}

fn clear(mails: &CapturedMails) -> ToolResult {
    let cleared = mails.clear();
    ToolResult::done(format!("Forgot {cleared} captured mails."), &Cleared { cleared })
}
