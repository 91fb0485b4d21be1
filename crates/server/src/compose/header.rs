//! The header block: From, recipients, subject, date, identifiers. never Bcc (RFC 5322, section 3.6; RFC 6532).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use mail_builder::headers::Header;
use mail_builder::headers::address::Address as Field;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;

use crate::address::Mailbox;
use crate::request::{Draft, MessageId};

/// The value of X-Mailer.
const PROGRAM: &str = concat!("smtp-mcp-server/", env!("CARGO_PKG_VERSION"));
/// Bytes in one encoded word, so that it fits after the field name into 76 characters (RFC 2047, section 2).
const WORD: usize = 39;

/// Writes the header block for `sender`: CRLF at the end of each field, no empty line.
pub(super) fn write(
    draft: &Draft,
    sender: &Mailbox,
    subject: &str,
    at: DateTime<FixedOffset>,
    message_id: &str,
) -> Bytes {
    let mut header = Vec::with_capacity(1024);
    mailboxes(&mut header, "From", std::slice::from_ref(sender));
    mailboxes(&mut header, "To", &draft.to);
    mailboxes(&mut header, "Cc", &draft.cc);
    mailboxes(&mut header, "Reply-To", &draft.reply_to);
    write_subject(&mut header, subject);
    raw(&mut header, "Date", &at.to_rfc2822());
    raw(&mut header, "Message-ID", message_id);
    if let Some(parent) = &draft.in_reply_to {
        raw(&mut header, "In-Reply-To", parent.as_str());
    }
    if !draft.references.is_empty() {
        let thread: Vec<&str> = draft.references.iter().map(MessageId::as_str).collect();
        raw(&mut header, "References", &thread.join(" "));
    }
    raw(&mut header, "MIME-Version", "1.0");
    raw(&mut header, "X-Mailer", PROGRAM);
    Bytes::from(header)
}

/// Whether any address or Message-ID in the header needs SMTPUTF8.
pub(super) fn needs_smtputf8(draft: &Draft, senders: &[Mailbox]) -> bool {
    let shown = [&draft.to, &draft.cc, &draft.reply_to];
    shown.into_iter().flatten().chain(senders).any(|mailbox| mailbox.address.needs_smtputf8())
        || draft.references.iter().any(MessageId::needs_smtputf8)
}

fn mailboxes(header: &mut Vec<u8>, name: &str, mailboxes: &[Mailbox]) {
    if mailboxes.is_empty() {
        return;
    }
    let fields = mailboxes
        .iter()
        .map(|mailbox| Field::new_address(mailbox.name.as_deref(), mailbox.address.to_string()));
    write_field(header, name, &Field::new_list(fields.collect()));
}

fn raw(header: &mut Vec<u8>, name: &str, value: &str) {
    write_field(header, name, &Raw::new(value));
}

fn write_field(header: &mut Vec<u8>, name: &str, value: &impl Header) {
    header.extend_from_slice(name.as_bytes());
    header.extend_from_slice(b": ");
    value.write_header(header, name.len() + 2);
}

/// A subject that begins with a space or contains what looks like an encoded word would be decoded differently: it is
/// encoded as a whole.
fn write_subject(header: &mut Vec<u8>, subject: &str) {
    if !subject.starts_with(' ') && !subject.contains("=?") {
        return write_field(header, "Subject", &Text::new(subject));
    }
    header.extend_from_slice(b"Subject:");
    let mut rest = subject;
    let mut first = true;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD));
        let fold = if first { " " } else { "\r\n " };
        header.extend_from_slice(format!("{fold}=?utf-8?B?{}?=", STANDARD.encode(word)).as_bytes());
        (rest, first) = (after, false);
    }
    header.extend_from_slice(b"\r\n");
}
