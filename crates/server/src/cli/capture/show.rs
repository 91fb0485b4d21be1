//! Captured events as lines: for a person, or as JSON for a program.

use std::net::SocketAddr;
use std::path::Path;

use chrono::SecondsFormat;
use mail_parser::{Message, MessageParser};
use serde_json::{Value, json};
use smtp_sink::{Event, EventKind, Mail};

use super::keep::{CapturedMail as Envelope, Kept};
use crate::mcp::CapturedMail;

/// The first line: where it listens.
pub(super) fn listening(addr: SocketAddr, ca_file: Option<&Path>, folder: &Path, as_json: bool) -> String {
    if as_json {
        let line = json!({"event": "listening", "host": addr.ip(), "port": addr.port(), "ca_file": ca_file});
        return line.to_string();
    }
    let ca = ca_file.map_or(String::new(), |path| format!("\nCA to trust: {}", path.display()));
    format!("listening on {addr}, keeping mails in {}{ca}\nCtrl-C ends it", folder.display())
}

/// An event as one line of JSON; `None` for events that programs do not need.
pub(super) fn json(event: &Event, kept: Option<&Kept>, delayed: bool) -> Option<String> {
    let (name, mut fields) = match (&event.kind, kept) {
        (EventKind::Connected, _) => ("connected", json!({})),
        (EventKind::Login { user, ok }, _) => ("login", json!({"username": user, "ok": ok})),
        (EventKind::Refused { recipient, code }, _) => {
            ("refused", json!({"recipient": recipient, "code": code}))
        }
        (EventKind::Content { size }, _) if delayed => ("content", json!({"size": size})),
        (EventKind::Mail(mail), Some(kept)) => {
            ("mail", serde_json::to_value(Envelope::of(mail, &kept.file)).ok()?)
        }
        _ => return None,
    };
    fields["event"] = Value::from(name);
    fields["connection"] = Value::from(event.connection);
    Some(fields.to_string())
}

/// An event as text; `None` for events that people do not need.
pub(super) fn text(event: &Event, kept: Option<&Kept>) -> Option<String> {
    let number = event.connection;
    match (&event.kind, kept) {
        (EventKind::Login { user, ok: true }, _) => Some(format!("[{number}] login as {user}")),
        (EventKind::Login { user, ok: false }, _) => Some(format!("[{number}] login as {user} refused")),
        (EventKind::Refused { recipient, code }, _) => {
            Some(format!("[{number}] refused {recipient} with {code}"))
        }
        (EventKind::HandshakeFailed(reason), _) => Some(format!("[{number}] no TLS: {reason}")),
        (EventKind::Mail(mail), Some(kept)) => Some(table(number, mail, kept)),
        _ => None,
    }
}

/// The mail for an MCP client. Its number is given later.
pub(super) fn remembered(mail: &Mail, kept: &Kept) -> CapturedMail {
    let message = MessageParser::default().parse(&mail.bytes);
    CapturedMail {
        number: 0,
        at: kept.at.to_rfc3339_opts(SecondsFormat::Secs, true),
        sender: mail.sender.clone(),
        recipients: mail.recipients.clone(),
        subject: message.as_ref().and_then(subject).unwrap_or_default(),
        size: mail.bytes.len(),
        file: kept.file.clone(),
        login: mail.login.clone(),
        tls: mail.tls,
        defects: mail.defects.clone(),
    }
}

fn table(number: u64, mail: &Mail, kept: &Kept) -> String {
    let sender = if mail.sender.is_empty() { "<>" } else { &mail.sender };
    let message = MessageParser::default().parse(&mail.bytes);
    let subject = message.as_ref().and_then(subject).unwrap_or_else(|| "(none)".to_owned());
    let parts = message.as_ref().map_or(0, |message| message.parts.len());
    let mut lines = vec![
        format!("[{number}] mail at {}", kept.at.format("%H:%M:%S")),
        format!("    from     {sender}"),
        format!("    to       {}", mail.recipients.join(", ")),
        format!("    subject  {subject}"),
        format!("    size     {} bytes, {parts} MIME parts", mail.bytes.len()),
        format!("    file     {}", kept.file.display()),
    ];
    lines.extend(mail.defects.iter().map(|defect| format!("    defect   {defect}")));
    if !mail.answered {
        lines.push("    note     kept without a reply to the sender".to_owned());
    }
    lines.join("\n")
}

/// The decoded subject, without control characters.
fn subject(message: &Message<'_>) -> Option<String> {
    Some(message.subject()?.chars().filter(|letter| !letter.is_control()).collect())
}
