//! The result of a send, as text for the model and as JSON for programs. A pure function.

mod reasons;

use schemars::JsonSchema;
use serde::Serialize;

use reasons::{NOTHING_IS_KEPT, addresses, groups, named, reason, reasons};

use super::tool_result::ToolResult;
use crate::message::ContentType;
use crate::message::Message;
use crate::outcome::{Outcome, RecipientOutcome, RecipientStatus, State};
use crate::upstream::report::seconds;

// The structured content of send_email's result. Plain comments: doc comments become descriptions in the schema.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SendResult {
    #[schemars(extend("enum" = ["sent", "partial", "refused", "unknown"]))]
    state: &'static str,
    message_id: String,
    accepted: Vec<String>,
    rejected: Vec<Rejected>,
    pending: Vec<String>,
    /// Who may have it: nobody can know
    unknown: Vec<String>,
    details: Details,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Rejected {
    address: String,
    code: Option<u16>,
    enhanced_code: Option<String>,
    /// The server's words: untrusted
    reply: Option<String>,
    /// What happened and what to do next
    reason: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Details {
    recipients: usize,
    attachments: usize,
    duration_seconds: f64,
    #[schemars(with = "String")]
    content_type: ContentType,
    smtp_server: Option<String>,
    server_host: Option<String>,
}

/// The recipients by status. Without an outbox, a deferred recipient counts as refused.
struct ByStatus<'a> {
    state: State,
    accepted: Vec<&'a RecipientOutcome>,
    refused: Vec<&'a RecipientOutcome>,
    unknown: Vec<&'a RecipientOutcome>,
}

/// The result of a send.
pub(super) fn send_result(message: &Message, outcome: &Outcome) -> ToolResult {
    let by_status = ByStatus::of(outcome);
    let body = SendResult {
        state: by_status.state.word(),
        message_id: message.message_id.clone(),
        accepted: addresses(&by_status.accepted),
        rejected: by_status.refused.iter().copied().map(Rejected::of).collect(),
        pending: Vec::new(),
        unknown: addresses(&by_status.unknown),
        details: Details::of(message, outcome),
    };
    match by_status.state {
        State::Sent | State::Partial => ToolResult::done(by_status.text(), &body),
        _ => ToolResult::failed_with(by_status.text(), &body),
    }
}

/// A send that failed before a message was composed: nothing was sent.
pub(super) fn refused(problem: impl std::fmt::Display) -> ToolResult {
    let state = serde_json::json!({ "state": State::Refused.word() });
    ToolResult::failed_with(format!("Not sent: {problem}"), &state)
}

/// A send whose status is unknown because of an error in this program.
pub(super) fn unknown(problem: impl std::fmt::Display) -> ToolResult {
    let state = serde_json::json!({ "state": State::Unknown.word() });
    ToolResult::failed_with(format!("May have been sent: {problem}. {DO_NOT_REPEAT}"), &state)
}

const DO_NOT_REPEAT: &str = "Do not send it again unless the user says so";

impl<'a> ByStatus<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let with = |statuses: &[RecipientStatus]| {
            outcome.recipients.iter().filter(|recipient| statuses.contains(&recipient.status)).collect()
        };
        Self {
            state: outcome.state(),
            accepted: with(&[RecipientStatus::Accepted]),
            refused: with(&[RecipientStatus::Rejected, RecipientStatus::Deferred]),
            unknown: with(&[RecipientStatus::Unknown]),
        }
    }

    fn text(&self) -> String {
        match self.state {
            State::Unknown => self.unknown_text(),
            State::Partial => self.partial_text(),
            State::Sent => format!("Sent to {}.", named(&self.accepted)),
            _ => format!("Not sent: {}.", self.reasons_of_refusal()),
        }
    }

    fn partial_text(&self) -> String {
        let all = self.accepted.len() + self.refused.len();
        format!(
            "Sent to {} of {all}: {}. Not sent to {}. Do not send it again to those who have it: send only to the others.",
            self.accepted.len(),
            named(&self.accepted),
            reasons(&self.refused)
        )
    }

    fn unknown_text(&self) -> String {
        let mut text = format!("May have been sent: {}.", reasons(&self.unknown));
        if !self.accepted.is_empty() {
            text += &format!(" Certainly sent to {}.", named(&self.accepted));
        }
        if !self.refused.is_empty() {
            text += &format!(" Not sent to {}.", reasons(&self.refused));
        }
        format!("{text} {DO_NOT_REPEAT}.")
    }

    /// If all have the same reason, the names are omitted.
    fn reasons_of_refusal(&self) -> String {
        match groups(&self.refused).as_slice() {
            [] => format!("no server was tried; {NOTHING_IS_KEPT}"),
            [(reason, _)] => reason.clone(),
            _ => reasons(&self.refused),
        }
    }
}

impl Rejected {
    fn of(recipient: &RecipientOutcome) -> Self {
        Self {
            address: recipient.address.to_string(),
            code: recipient.code,
            enhanced_code: recipient.enhanced_code.clone(),
            reply: recipient.reply.clone(),
            reason: reason(recipient),
        }
    }
}

impl Details {
    fn of(message: &Message, outcome: &Outcome) -> Self {
        let server = outcome.server();
        Self {
            recipients: message.recipients.len(),
            attachments: message.info.attachments,
            duration_seconds: seconds(outcome.duration),
            content_type: message.info.content_type,
            smtp_server: server.map(|server| server.name.clone()),
            server_host: server.map(|server| server.host.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
