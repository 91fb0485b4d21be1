//! The result of a send that is not sent, because of `SMTP_MODE`.

use std::time::Duration;

use chrono::{DateTime, FixedOffset};

use super::{Details, SendResult, lines, refused};
use crate::config::{Config, Mode};
use crate::mcp::tool_result::ToolResult;
use crate::outbox::Hold;
use crate::submit::{Submission, keep};

/// How many recipients are named.
const MAX_NAMED: usize = 10;

/// Keeps the mail as a file if that is the mode, and says what would have become of it.
pub(in crate::mcp) async fn untaken(
    config: &Config,
    submission: Submission,
    hold: Option<Hold>,
    duration: Duration,
    at: DateTime<FixedOffset>,
) -> ToolResult {
    let message = submission.composed.message;
    let body = SendResult {
        message_id: message.message_id.clone(),
        details: Details {
            sender: message.header_variants.first().map(|one| one.sender.to_string()).unwrap_or_default(),
            recipients: submission.recipients.len(),
            attachments: message.info.attachments,
            duration_seconds: crate::upstream::report::seconds(duration),
            content_type: message.info.content_type,
            smtp_server: None,
            server_host: None,
        },
        hints: submission.hints,
        ..SendResult::of_state(if config.mode == Mode::Capture { "captured" } else { "dry_run" })
    };
    let what = match hold {
        Some(hold) => format!("it would be held for approval: {}", hold.reasons.join("; ")),
        None => format!("it would go to {}", named(&submission.recipients)),
    };
    let Some(directory) = config.capture_dir.clone().filter(|_| config.mode == Mode::Capture) else {
        let text = format!("Not sent, because SMTP_MODE is dry_run; otherwise {what}.");
        return ToolResult::done(text, &body).with_lines(lines::of_untaken(&body));
    };
    let shown = directory.display().to_string();
    match keep(directory, message, at, submission.composed.id).await {
        Ok(file) => {
            let file = file.display().to_string();
            let text = format!("Not sent, because SMTP_MODE is capture: it is in {file}; otherwise {what}.");
            let body = SendResult { file: Some(file), ..body };
            ToolResult::done(text, &body).with_lines(lines::of_untaken(&body))
        }
        Err(error) => refused(format!("it cannot be kept in {shown}: {error} (SMTP_CAPTURE_DIR)")),
    }
}

fn named(recipients: &[crate::address::Address]) -> String {
    let names: Vec<_> = recipients.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    match recipients.len().saturating_sub(MAX_NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
