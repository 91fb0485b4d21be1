//! How a send ended: the table of ends in words for the model and in JSON for programs. A pure function.

mod reasons;

use schemars::JsonSchema;
use serde::Serialize;

use reasons::{NOTHING_IS_KEPT, addresses, groups, named, reason, reasons};

use super::answer::Answer;
use super::shown::seconds;
use crate::message::Message;
use crate::outcome::{Fate, Outcome, RecipientOutcome, State};

// The body of an answer to send_email. Plain comments: doc comments become descriptions in the schema.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Sent {
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
    content_type: &'static str,
    smtp_server: Option<String>,
    server_host: Option<String>,
}

/// The recipients by what became of them. Without an outbox, what could only be sent later counts as refused.
struct Sorted<'a> {
    state: State,
    accepted: Vec<&'a RecipientOutcome>,
    refused: Vec<&'a RecipientOutcome>,
    unknown: Vec<&'a RecipientOutcome>,
}

/// What a call hears about the end of its send.
pub(super) fn ending(message: &Message, outcome: &Outcome) -> Answer {
    let sorted = Sorted::of(outcome);
    let body = Sent {
        state: sorted.state.word(),
        message_id: message.message_id.clone(),
        accepted: addresses(&sorted.accepted),
        rejected: sorted.refused.iter().copied().map(Rejected::of).collect(),
        pending: Vec::new(),
        unknown: addresses(&sorted.unknown),
        details: Details::of(message, outcome),
    };
    match sorted.state {
        State::Sent | State::Partial => Answer::done(sorted.text(), &body),
        _ => Answer::failed_with(sorted.text(), &body),
    }
}

/// A send that ended before there was a message: nothing left, whatever `problem` says.
pub(super) fn refused(problem: impl std::fmt::Display) -> Answer {
    let state = serde_json::json!({ "state": State::Refused.word() });
    Answer::failed_with(format!("Not sent: {problem}"), &state)
}

/// A send whose end nobody can tell, because of an error of ours.
pub(super) fn lost(problem: impl std::fmt::Display) -> Answer {
    let state = serde_json::json!({ "state": State::Unknown.word() });
    Answer::failed_with(format!("May have been sent: {problem}. {DO_NOT_REPEAT}"), &state)
}

const DO_NOT_REPEAT: &str = "Do not send it again unless the user says so";

impl<'a> Sorted<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let with = |fates: &[Fate]| {
            outcome.recipients.iter().filter(|recipient| fates.contains(&recipient.fate)).collect()
        };
        Self {
            state: outcome.state(),
            accepted: with(&[Fate::Accepted]),
            refused: with(&[Fate::Refused, Fate::Later]),
            unknown: with(&[Fate::Unknown]),
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
            "Sent to {} of {all}: {}. Not sent to {}. Whoever has it must not get it again: send only to the others.",
            self.accepted.len(),
            named(&self.accepted),
            reasons(&self.refused)
        )
    }

    fn unknown_text(&self) -> String {
        let mut text = format!("May have been sent: {}.", reasons(&self.unknown));
        if !self.accepted.is_empty() {
            text += &format!(" Sent for sure to {}.", named(&self.accepted));
        }
        if !self.refused.is_empty() {
            text += &format!(" Not sent to {}.", reasons(&self.refused));
        }
        format!("{text} {DO_NOT_REPEAT}.")
    }

    /// One reason for all needs no names.
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
        let (name, address) = outcome.server.clone().unzip();
        Self {
            recipients: message.recipients.len(),
            attachments: message.facts.attachments,
            duration_seconds: seconds(outcome.duration),
            content_type: message.facts.content_type,
            smtp_server: name,
            server_host: address.map(host),
        }
    }
}

/// `host:port` without the port.
fn host(address: String) -> String {
    match address.rsplit_once(':') {
        Some((host, _)) => host.to_owned(),
        None => address,
    }
}

#[cfg(test)]
mod tests;
