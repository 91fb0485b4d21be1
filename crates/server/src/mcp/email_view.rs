//! A message of the outbox as results show it.

use chrono::{DateTime, Utc};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use uuid::Uuid;

use super::content_view::hex;
use super::waiting::{PAUSED, how_to_approve, rfc3339};
use crate::outbox::{Email, Event};
use crate::outcome::{RecipientOutcome, RecipientStatus, State};

/// A mail. Its schema is a description in `get_email`: spelled out, it would cost more tokens than it is worth.
#[derive(Debug, Serialize)]
pub(crate) struct EmailView {
    id: String,
    state: &'static str,
    subject: String,
    sender: String,
    message_id: String,
    size_bytes: u64,
    attachments: usize,
    created_at: String,
    send_at: Option<String>,
    all_or_nothing: bool,
    next_attempt_at: Option<String>,
    expires_at: Option<String>,
    ended_at: Option<String>,
    attempts: u32,
    digest: String,
    note: Option<String>,
    recipients: Vec<RecipientView>,
}

#[derive(Debug, Serialize)]
struct RecipientView {
    address: String,
    status: &'static str,
    phase: Option<String>,
    code: Option<u16>,
    enhanced_code: Option<String>,
    reply: Option<String>,
    reason: Option<String>,
    server: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct EventView {
    at: String,
    event: String,
    detail: Option<String>,
}

/// An array of objects whose fields a description names.
pub(super) fn objects(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "object" } })
}

impl EmailView {
    pub(crate) fn of(email: &Email) -> Self {
        let is_queued = email.state == State::Queued;
        Self {
            id: email.id.simple().to_string(),
            state: email.state.word(),
            subject: email.subject.clone(),
            sender: email.sender.clone(),
            message_id: email.message_id.clone(),
            size_bytes: email.size,
            attachments: email.info.attachments,
            created_at: rfc3339(email.created),
            send_at: email.send_at.map(rfc3339),
            all_or_nothing: email.all_or_nothing,
            next_attempt_at: is_queued.then(|| rfc3339(email.due)),
            expires_at: match &email.approval {
                Some(approval) => Some(rfc3339(approval.expires)),
                None => is_queued.then(|| rfc3339(email.expires)),
            },
            ended_at: email.ended.map(rfc3339),
            attempts: email.attempts,
            digest: hex(&email.request.0),
            note: note(email),
            recipients: email.recipients.iter().map(RecipientView::of).collect(),
        }
    }
}

impl EmailView {
    /// The same as lines of text.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut about = vec![format!("from {}", self.sender), format!("Message-ID {}", self.message_id)];
        about.push(format!(
            "{} bytes, attachments: {}, attempts: {}",
            self.size_bytes, self.attachments, self.attempts
        ));
        let mut time =
            |what: &str, at: &Option<String>| about.extend(at.as_ref().map(|at| format!("{what} {at}")));
        time("to be sent at", &self.send_at);
        time("next attempt", &self.next_attempt_at);
        time("given up at", &self.expires_at);
        time("ended", &self.ended_at);
        about.push(format!("digest {}", self.digest));
        about.extend(self.all_or_nothing.then(|| "all_or_nothing".to_owned()));
        about.extend(self.note.clone());
        let first = format!("{} {} {} \"{}\"", self.id, self.state, self.created_at, self.subject);
        let lines = [first, format!("  {}", about.join("; "))];
        lines.into_iter().chain(self.recipients.iter().map(RecipientView::line)).collect()
    }
}

impl RecipientView {
    fn line(&self) -> String {
        let place = match (&self.phase, &self.server) {
            (Some(phase), Some(server)) => format!(" ({server}, {phase})"),
            (Some(phase), None) => format!(" ({phase})"),
            _ => String::new(),
        };
        let code = self.code.map(|code| code.to_string());
        let reply = [code, self.enhanced_code.clone(), self.reply.clone()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        let reply = if reply.is_empty() {
            reply
        } else {
            format!("; the server said: \"{}\"", reply.replace('"', "'"))
        };
        let reason = self.reason.as_ref().map(|reason| format!("; {reason}")).unwrap_or_default();
        format!("  {}: {}{place}{reply}{reason}", self.address, self.status)
    }

    fn of(recipient: &RecipientOutcome) -> Self {
        let was_tried = recipient.server.is_some() || !recipient.reason.is_empty();
        Self {
            address: recipient.address.to_string(),
            status: status_word(recipient),
            phase: was_tried.then(|| recipient.phase.to_string()),
            code: recipient.code,
            enhanced_code: recipient.enhanced_code.clone(),
            reply: recipient.reply.clone().filter(|reply| !reply.is_empty()),
            reason: Some(recipient.reason.clone()).filter(|reason| !reason.is_empty()),
            server: recipient.server.as_ref().map(|server| server.name.clone()),
        }
    }
}

impl EventView {
    pub(super) fn line(&self) -> String {
        let detail = self.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        format!("  {} {}{detail}", self.at, self.event)
    }

    pub(crate) fn of(event: Event) -> Self {
        Self { at: rfc3339(event.at), event: event.kind, detail: event.detail }
    }
}

/// A recipient's status for people.
pub(super) fn status_word(recipient: &RecipientOutcome) -> &'static str {
    match recipient.status {
        _ if recipient.is_withdrawn => "withdrawn",
        RecipientStatus::Accepted => "accepted",
        RecipientStatus::TryNext | RecipientStatus::Deferred => "pending",
        RecipientStatus::Rejected => "rejected",
        RecipientStatus::Unknown => "unknown",
    }
}

/// One line about a message: what it is, its state, who has it.
pub(crate) fn email_line(email: &Email, now: DateTime<Utc>) -> String {
    let recipients: Vec<_> =
        email.recipients.iter().map(|one| format!("{} {}", one.address, status_word(one))).collect();
    let next = match email.state {
        _ if let Some(note) = note(email) => format!("; {note}"),
        State::Queued if email.due > now && email.attempts == 0 => {
            format!("; to be sent at {}", rfc3339(email.due))
        }
        State::Queued if email.due > now => format!("; next attempt {}", rfc3339(email.due)),
        State::Queued => "; tried as soon as possible".to_owned(),
        _ => String::new(),
    };
    format!(
        "{} {} {} \"{}\": {}{next}",
        email.id.simple(),
        email.state.word(),
        rfc3339(email.created),
        email.subject,
        recipients.join(", ")
    )
}

/// What else must be known about who sends it.
pub(super) fn note(email: &Email) -> Option<String> {
    let note = of_processes(email);
    match note {
        Some(note) if email.is_stopping => {
            Some(format!("{note}; it was cancelled, so no further attempt follows"))
        }
        None if email.is_stopping => {
            Some("it was cancelled while it is being sent, so no further attempt follows".to_owned())
        }
        note => note,
    }
}

fn of_processes(email: &Email) -> Option<String> {
    match (&email.sending_by, email.state) {
        (Some(process), _) => Some(format!("it is being sent by {process}")),
        (None, State::Held) if let Some(approval) = &email.approval => Some(format!(
            "held until a person approves it: {}; {}",
            approval.reasons.join("; "),
            how_to_approve(email.id)
        )),
        (None, State::Held) => Some(
            "held, because the outbox was copied or restored, so that it may have been sent already: \
             `smtp-mcp-server outbox adopt` sends what is held"
                .to_owned(),
        ),
        _ if let Some(since) = email.paused_since => Some(format!("{} since {}", PAUSED, rfc3339(since))),
        _ if email.is_unserved => Some(
            "no program that is running has an account that can send it: it waits until one does".to_owned(),
        ),
        _ => None,
    }
}

/// The id in an argument.
pub(super) fn parse_id(text: &str) -> Result<Uuid, String> {
    let expected = "expected the id of a result of send_email or list_emails";
    Uuid::parse_str(text.trim())
        .map_err(|_| format!("id: {} is not an id; {expected}", crate::address::character::quoted(text)))
}
