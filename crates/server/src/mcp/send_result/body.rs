//! The structured content of a send's result.

use schemars::JsonSchema;
use serde::Serialize;

use super::Sent;
use super::reasons::reason;
use crate::message::ContentType;
use crate::outcome::{RecipientOutcome, RecipientStatus, ServerId};
use crate::upstream::report::seconds;

// The structured content of send_email's result. Plain comments: doc comments become descriptions in the schema.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::mcp) struct SendResult {
    #[schemars(extend("enum" = ["sent", "partial", "queued", "held", "refused", "unknown", "cancelled", "dry_run", "captured"]))]
    pub(super) state: &'static str,
    /// For get_email, retry_email and cancel_email
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) id: String,
    pub(super) message_id: String,
    pub(super) accepted: Vec<String>,
    pub(super) rejected: Vec<Rejected>,
    /// Who gets it later
    pub(super) pending: Vec<String>,
    /// Who may have it: nobody can know
    pub(super) unknown: Vec<String>,
    pub(super) next_attempt_at: Option<String>,
    pub(super) expires_at: Option<String>,
    /// sender, recipients, attachments, duration_seconds, content_type, smtp_server, server_host
    #[schemars(schema_with = "crate::mcp::schema::object")]
    pub(super) details: Details,
    /// Of a held mail, as preview_email shows it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    /// Where a captured mail is
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// What looks wrong in the mail; it was taken all the same
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hints: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rejected {
    pub(super) address: String,
    pub(super) code: Option<u16>,
    pub(super) enhanced_code: Option<String>,
    /// The server's words: untrusted
    pub(super) reply: Option<String>,
    /// What happened and what to do next
    pub(super) reason: String,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Details {
    pub(super) sender: String,
    pub(super) recipients: usize,
    pub(super) attachments: usize,
    pub(super) duration_seconds: f64,
    pub(super) content_type: ContentType,
    pub(super) smtp_server: Option<String>,
    pub(super) server_host: Option<String>,
}

impl SendResult {
    /// With nothing but a state.
    pub(super) fn of_state(state: &'static str) -> Self {
        Self {
            state,
            id: String::new(),
            message_id: String::new(),
            accepted: Vec::new(),
            rejected: Vec::new(),
            pending: Vec::new(),
            unknown: Vec::new(),
            next_attempt_at: None,
            expires_at: None,
            details: Details::default(),
            digest: None,
            file: None,
            hints: Vec::new(),
        }
    }
}

impl Rejected {
    pub(super) fn of(recipient: &RecipientOutcome) -> Self {
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
    pub(super) fn of(sent: &Sent, recipients: &[RecipientOutcome]) -> Self {
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
