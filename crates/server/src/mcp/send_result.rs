//! The result of a send, as text for the model and as JSON for programs. A pure function of the message's record.

mod body;
mod lines;
mod reasons;
mod untaken;

use std::time::Duration;

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use uuid::Uuid;

pub(super) use body::SendResult;
use body::{Details, Rejected};
pub(crate) use reasons::reason;
use reasons::{addresses, groups, named, reasons};
pub(super) use untaken::untaken;

use super::content_view::hex;
use super::tool_result::ToolResult;
use super::waiting::{PAUSED, how_to_approve, rfc3339};
use crate::outbox::{Email, NoRoom, OverQuota};
use crate::outcome::{RecipientOutcome, RecipientStatus, State};

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
    /// The offset from UTC of the time that the call asked for.
    pub(super) offset: Option<FixedOffset>,
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
    let expires = email.approval.as_ref().map_or(email.expires, |approval| approval.expires);
    let body = SendResult {
        id: email.id.simple().to_string(),
        message_id: email.message_id.clone(),
        accepted: addresses(&by_status.accepted),
        rejected: by_status.refused.iter().copied().map(Rejected::of).collect(),
        pending: addresses(&by_status.pending),
        unknown: addresses(&by_status.unknown),
        next_attempt_at: (is_waiting && email.state == State::Queued).then(|| sent.due()),
        expires_at: is_waiting.then(|| rfc3339(expires)),
        details: Details::of(sent, &recipients),
        digest: email.approval.as_ref().map(|_| hex(&email.request.0)),
        hints: sent.hints.clone(),
        ..SendResult::of_state(state.word())
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

/// As many mails were taken as may be.
pub(super) fn over_quota(over: &OverQuota) -> String {
    let OverQuota { limit, window, frees } = over;
    let variable = if *window == "day" { "SMTP_MAX_PER_DAY" } else { "SMTP_MAX_PER_HOUR" };
    let article = if *window == "day" { "a" } else { "an" };
    format!(
        "the limit of {limit} mails {article} {window} is reached ({variable}); the next one can be sent at {}",
        rfc3339(*frees)
    )
}

/// Why the outbox takes no message, and what to do.
pub(super) fn no_room(lacking: NoRoom) -> String {
    match lacking {
        NoRoom::Disk(free) => format!(
            "only {} MiB are free on the disk of the outbox; free some, or lower SMTP_OUTBOX_MIN_FREE; nothing was sent",
            free >> 20
        ),
        NoRoom::Size(most) => format!(
            "the outbox has its full size of {} MiB (SMTP_OUTBOX_MAX_SIZE); `smtp-mcp-server outbox purge` deletes what was kept \
             long enough; nothing was sent",
            most >> 20
        ),
        NoRoom::Waiting(count) => format!(
            "{count} mails are waiting already (SMTP_OUTBOX_MAX_WAITING); list_emails tells why; nothing was sent"
        ),
    }
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

    /// When it is tried next, in the caller's offset if that is known.
    fn due(&self) -> String {
        match self.offset {
            Some(offset) => self.email.due.with_timezone(&offset).to_rfc3339_opts(SecondsFormat::Secs, true),
            None => rfc3339(self.email.due),
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
            State::Cancelled => format!("Not sent: it was cancelled: {}.", self.reasons_of_refusal()),
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
        State::Held if let Some(approval) = &email.approval => format!(
            "it is held until the user approves it ({}); tell the user that {}, and that it is cancelled at {} otherwise",
            approval.reasons.join("; "),
            how_to_approve(email.id),
            rfc3339(approval.expires)
        ),
        State::Held => {
            "it is held, because the outbox was copied or restored; `smtp-mcp-server outbox adopt` sends what is held".to_owned()
        }
        State::Sending if email.is_stopping => {
            "it was cancelled while it is being sent, so this attempt is the last one".to_owned()
        }
        State::Sending => match &email.sending_by {
            Some(process) => format!("it is being sent by {process}"),
            None => "it is being sent".to_owned(),
        },
        _ if email.paused_since.is_some() => format!("{}{PAUSED}", kept(sent)),
        _ if email.is_unserved => {
            format!("{}no program that is running has an account that can send it", kept(sent))
        }
        _ if email.attempts == 0 && email.due > sent.now => format!(
            "{}it is sent at {}, if this program is running then; cancel_email with id {} stops it until then",
            kept(sent),
            sent.due(),
            email.id.simple()
        ),
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

#[cfg(test)]
mod tests;
