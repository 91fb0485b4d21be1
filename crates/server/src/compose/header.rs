//! The header block: From, recipients, subject, date, identifiers. never Bcc (RFC 5322, section 3.6; RFC 6532).

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};

use super::field::Field;
use crate::address::Mailbox;
use crate::request::{Draft, MessageId, Priority};

/// The value of X-Mailer.
const PROGRAM: &str = concat!("smtp-mcp-server/", env!("CARGO_PKG_VERSION"));

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
    Field::new(&mut header, "Subject").text(subject);
    let mut write = |name, words: &[&str]| Field::new(&mut header, name).words(words.iter().copied());
    write("Date", &[&at.to_rfc2822()]);
    write("Message-ID", &[message_id]);
    if let Some(parent) = &draft.in_reply_to {
        write("In-Reply-To", &[parent.as_str()]);
    }
    if !draft.references.is_empty() {
        write("References", &draft.references.iter().map(MessageId::as_str).collect::<Vec<_>>());
    }
    if let Some(priority) = draft.priority {
        let (number, importance) = match priority {
            Priority::High => ("1", "High"),
            Priority::Normal => ("3", "Normal"),
            Priority::Low => ("5", "Low"),
        };
        write("X-Priority", &[number]);
        // RFC 4021, section 2.1.54
        write("Importance", &[importance]);
    }
    if draft.read_receipt {
        mailboxes(&mut header, "Disposition-Notification-To", std::slice::from_ref(sender));
    }
    for extra in &draft.headers {
        let field = Field::new(&mut header, &extra.name);
        if extra.is_structured() {
            field.words(extra.value.split_whitespace());
        } else {
            field.text(&extra.value);
        }
    }
    if draft.redirect_to.is_some() {
        let original = draft.recipients().into_iter().map(|address| Mailbox { name: None, address });
        mailboxes(&mut header, "X-Original-To", &original.collect::<Vec<_>>());
    }
    let mut write = |name, words: &[&str]| Field::new(&mut header, name).words(words.iter().copied());
    write("MIME-Version", &["1.0"]);
    write("X-Mailer", &[PROGRAM]);
    Bytes::from(header)
}

/// Whether any address or Message-ID in the header needs SMTPUTF8.
pub(super) fn needs_smtputf8(draft: &Draft, senders: &[Mailbox]) -> bool {
    let shown = [&draft.to, &draft.cc, &draft.reply_to];
    let hidden = draft.redirect_to.as_ref().map(|_| &draft.bcc);
    let all = shown.into_iter().chain(hidden).flatten().chain(senders);
    all.into_iter().any(|mailbox| mailbox.address.needs_smtputf8())
        || draft.references.iter().any(MessageId::needs_smtputf8)
}

fn mailboxes(header: &mut Vec<u8>, name: &str, mailboxes: &[Mailbox]) {
    if !mailboxes.is_empty() {
        Field::new(header, name).mailboxes(mailboxes);
    }
}
