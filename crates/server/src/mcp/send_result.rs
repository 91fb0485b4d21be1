//! The result of a send, as text for the model and as JSON for programs. A pure function of the message's record.

mod lines;
mod reasons;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub(crate) use reasons::reason;
use reasons::{addresses, groups, named, reasons};

use super::tool_result::ToolResult;
use crate::message::ContentType;
use crate::outbox::Email;
use crate::outcome::{RecipientOutcome, RecipientStatus, ServerId, State};
use crate::upstream::report::seconds;

/// What is known of a send when its call is answered.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// The record of the message.
    pub(super) email: Email,
    /// Its last byte is out, and the server has not answered yet.
    pub(super) may_have_been_sent: bool,
    /// From the call to its answer.
    pub(super) duration: Duration,
    /// The message was taken by an earlier call with the same key.
    pub(super) is_repeated: bool,
    /// What looks wrong in the request, one sentence each.
    pub(super) hints: Vec<String>,
    /// The message is kept if the program ends.
    pub(super) is_kept: bool,
    /// The time of the answer.
    pub(super) now: DateTime<Utc>,
}

// The structured content of send_email's result. Plain comments: doc comments become descriptions in the schema.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SendResult {
    #[schemars(extend("enum" = ["sent", "partial", "queued", "held", "refused", "unknown"]))]
    state: &'static str,
    /// For get_email and retry_email
    id: String,
    message_id: String,
    accepted: Vec<String>,
    rejected: Vec<Rejected>,
    /// Who gets it later
    pending: Vec<String>,
    /// Who may have it: nobody can know
    unknown: Vec<String>,
    next_attempt_at: Option<String>,
    expires_at: Option<String>,
    details: Details,
    /// What looks wrong in the mail; it was taken all the same
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
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
    sender: String,
    recipients: usize,
    attachments: usize,
    duration_seconds: f64,
    #[schemars(with = "String")]
    content_type: ContentType,
    smtp_server: Option<String>,
    server_host: Option<String>,
}

/// The recipients by status.
struct ByStatus<'a> {
    accepted: Vec<&'a RecipientOutcome>,
    refused: Vec<&'a RecipientOutcome>,
    pending: Vec<&'a RecipientOutcome>,
    unknown: Vec<&'a RecipientOutcome>,
}

/// The result of a send.
pub(super) fn send_result(sent: &Sent) -> ToolResult {
    let email = &sent.email;
    let state = sent.state();
    let recipients = sent.recipients();
    let by_status = ByStatus::of(&recipients);
    let is_waiting = matches!(state, State::Queued | State::Held);
    let body = SendResult {
        state: state.word(),
        id: email.id.simple().to_string(),
        message_id: email.message_id.clone(),
        accepted: addresses(&by_status.accepted),
        rejected: by_status.refused.iter().copied().map(Rejected::of).collect(),
        pending: addresses(&by_status.pending),
        unknown: addresses(&by_status.unknown),
        next_attempt_at: (is_waiting && email.state == State::Queued).then(|| rfc3339(email.due)),
        expires_at: is_waiting.then(|| rfc3339(email.expires)),
        details: Details::of(sent, &recipients),
        hints: sent.hints.clone(),
    };
    let mut text = by_status.text(state, sent);
    if sent.is_repeated {
        text +=
            " This is the result of an earlier call with the same idempotency_key; nothing was sent again.";
    }
    let lines = lines::lines(&body, &by_status);
    let result = match state {
        State::Sent | State::Partial | State::Queued | State::Held => ToolResult::done(text, &body),
        _ => ToolResult::failed_with(text, &body),
    };
    result.with_lines(lines)
}

/// A send that failed before a message was taken: nothing was sent.
pub(crate) fn refused(problem: impl std::fmt::Display) -> ToolResult {
    let state = serde_json::json!({ "state": State::Refused.word() });
    ToolResult::failed_with(format!("Not sent: {problem}"), &state).with_lines([state_line(State::Refused)])
}

/// A send that was refused because of an earlier one.
pub(super) fn refused_because_of(earlier: Uuid, problem: impl std::fmt::Display) -> ToolResult {
    let body = serde_json::json!({ "state": State::Refused.word(), "id": earlier.simple().to_string() });
    let of_earlier = format!("id {}", earlier.simple());
    ToolResult::failed_with(format!("Not sent: {problem}"), &body)
        .with_lines([state_line(State::Refused), of_earlier])
}

/// A send whose status is unknown because of an error in this program.
pub(super) fn unknown(problem: impl std::fmt::Display) -> ToolResult {
    let state = serde_json::json!({ "state": State::Unknown.word() });
    ToolResult::failed_with(format!("May have been sent: {problem}. {DO_NOT_REPEAT}"), &state)
        .with_lines([state_line(State::Unknown)])
}

/// A send whose record cannot be read, or may not have been written.
pub(super) fn unknown_record(id: Uuid, problem: impl std::fmt::Display) -> ToolResult {
    let id = id.simple().to_string();
    let text = format!("May have been sent: {problem}. {DO_NOT_REPEAT}; get_email with id {id} tells more");
    let body = serde_json::json!({ "state": State::Unknown.word(), "id": id });
    ToolResult::failed_with(text, &body).with_lines([state_line(State::Unknown)])
}

fn state_line(state: State) -> String {
    format!("state {}", state.word())
}

const DO_NOT_REPEAT: &str = "Do not send it again unless the user says so";

const STILL_WAITING: &str = "still waiting for the server's answer to the end of the mail";

impl Sent {
    /// The state for the caller: what is being sent either may have been sent or was not sent yet.
    fn state(&self) -> State {
        match self.email.state {
            State::Sending if self.may_have_been_sent => State::Unknown,
            State::Sending => State::Queued,
            state => state,
        }
    }

    fn recipients(&self) -> Vec<RecipientOutcome> {
        let mut recipients = self.email.recipients.clone();
        if self.may_have_been_sent {
            for one in recipients.iter_mut().filter(|one| one.status == RecipientStatus::Deferred) {
                one.status = RecipientStatus::Unknown;
                STILL_WAITING.clone_into(&mut one.reason);
                (one.code, one.enhanced_code, one.reply) = (None, None, None);
            }
        }
        recipients
    }
}

impl<'a> ByStatus<'a> {
    fn of(recipients: &'a [RecipientOutcome]) -> Self {
        let with = |statuses: &[RecipientStatus]| {
            recipients.iter().filter(|recipient| statuses.contains(&recipient.status)).collect()
        };
        Self {
            accepted: with(&[RecipientStatus::Accepted]),
            refused: with(&[RecipientStatus::Rejected]),
            pending: with(&[RecipientStatus::TryNext, RecipientStatus::Deferred]),
            unknown: with(&[RecipientStatus::Unknown]),
        }
    }

    fn text(&self, state: State, sent: &Sent) -> String {
        match state {
            State::Unknown => self.unknown_text(sent),
            State::Partial => self.partial_text(),
            State::Sent => format!("Sent to {}.", named(&self.accepted)),
            State::Queued | State::Sending | State::Held => self.queued_text(sent),
            State::Refused => format!("Not sent: {}.", self.reasons_of_refusal()),
            State::Cancelled => "Not sent: it was cancelled.".to_owned(),
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

    fn queued_text(&self, sent: &Sent) -> String {
        let has_failed = self.pending.iter().any(|one| !one.reason.is_empty());
        let who = if has_failed { reasons(&self.pending) } else { named(&self.pending) };
        let mut text = format!("Not sent yet to {who}: {}; do not send it again.", next(sent));
        if !self.accepted.is_empty() {
            text += &format!(" Already sent to {}.", named(&self.accepted));
        }
        if !self.unknown.is_empty() {
            text += &format!(" May have been sent to {}. {DO_NOT_REPEAT}.", reasons(&self.unknown));
        }
        if !self.refused.is_empty() {
            text += &format!(" Refused for {}.", reasons(&self.refused));
        }
        format!("{text} get_email with id {} tells how it ends.", sent.email.id.simple())
    }

    fn unknown_text(&self, sent: &Sent) -> String {
        let mut text = format!("May have been sent: {}.", reasons(&self.unknown));
        if !self.accepted.is_empty() {
            text += &format!(" Certainly sent to {}.", named(&self.accepted));
        }
        if !self.refused.is_empty() {
            text += &format!(" Not sent to {}.", reasons(&self.refused));
        }
        text = format!("{text} {DO_NOT_REPEAT}.");
        if sent.may_have_been_sent {
            text += &format!(" get_email with id {} tells the answer when it comes.", sent.email.id.simple());
        }
        text
    }

    /// If all have the same reason, the names are omitted.
    fn reasons_of_refusal(&self) -> String {
        match groups(&self.refused).as_slice() {
            [(reason, _)] => reason.clone(),
            _ => reasons(&self.refused),
        }
    }
}

/// What happens next to a message that waits.
fn next(sent: &Sent) -> String {
    let email = &sent.email;
    match email.state {
        State::Held => {
            "it is held, because the outbox was copied or restored; `smtp-mcp-server outbox adopt` sends what is held".to_owned()
        }
        State::Sending => match &email.sending_by {
            Some(process) => format!("it is being sent by {process}"),
            None => "it is being sent".to_owned(),
        },
        _ if email.is_unserved => {
            format!("{}no program that is running has an account that can send it", kept(sent))
        }
        // In the past while an attempt goes on that has no session yet.
        _ if email.due <= sent.now => format!("{}it is tried as soon as possible", kept(sent)),
        _ => {
            let until = if sent.is_kept { "" } else { ", as long as this program runs" };
            format!(
                "{}it is tried again at {}, until {}{until}",
                kept(sent),
                rfc3339(email.due),
                rfc3339(email.expires)
            )
        }
    }
}

fn kept(sent: &Sent) -> &'static str {
    if sent.is_kept { "it is kept, and " } else { "" }
}

/// A time for people and programs.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
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
    fn of(sent: &Sent, recipients: &[RecipientOutcome]) -> Self {
        let server = server(recipients);
        Self {
            sender: sent.email.sender.clone(),
            recipients: recipients.len(),
            attachments: sent.email.info.attachments,
            duration_seconds: seconds(sent.duration),
            content_type: sent.email.info.content_type,
            smtp_server: server.map(|server| server.name.clone()),
            server_host: server.map(|server| server.host.clone()),
        }
    }
}

/// A server that accepted it, or else the last one tried.
fn server(recipients: &[RecipientOutcome]) -> Option<&ServerId> {
    let accepted = |recipient: &&RecipientOutcome| recipient.status == RecipientStatus::Accepted;
    let last = || recipients.iter().rev();
    let decided_by = last().find(accepted).or_else(|| last().find(|one| one.server.is_some()));
    decided_by?.server.as_ref()
}

#[cfg(test)]
mod tests;
