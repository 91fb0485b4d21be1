//! The only room that makes message bytes.

mod assemble;
mod attachment;
mod digest;
mod encoding;
mod filled;
mod header;
mod media;
mod sender;
mod template;
mod text_part;

use chrono::{DateTime, FixedOffset};
use uuid::Uuid;

use crate::address::Mailbox;
use crate::config::Config;
use crate::message::{Facts, Message, Rendering};
use crate::request::{Draft, Refusal};

/// Composes the message that a draft asks for. The same draft, time and id give the same bytes.
///
/// It reads the files that are attached by path, and may take a while for large ones.
///
/// # Errors
/// Every problem at once: the template's, the attachments', the sender's.
pub fn compose(
    draft: &Draft,
    config: &Config,
    at: DateTime<FixedOffset>,
    id: Uuid,
) -> Result<Message, Refusal> {
    let mut refusal = Refusal::default();
    let texts = refusal.note(filled::texts(draft, &config.limits));
    let senders = refusal.note(sender::identities(draft, config));
    let attachments = refusal.note(attachment::gather(draft, config));
    let (Some(texts), Some(senders), Some(attachments)) = (texts, senders, attachments) else {
        return Err(refusal);
    };

    let message_id = message_id(&senders, id);
    let content = assemble::content(&texts.body, texts.text.as_deref(), &attachments, id);
    let recipients = draft.recipients();
    let needs_smtputf8 = header::needs_smtputf8(draft, &senders);
    let render = |identity: Mailbox| Rendering {
        header: header::write(draft, &identity, &texts.subject, at, &message_id),
        identity,
    };
    let renderings: Vec<Rendering> = senders.into_iter().map(render).collect();
    Ok(Message {
        digest: digest::of(&recipients, &renderings, &content),
        message_id,
        recipients,
        sender_chosen: draft.from.is_some(),
        renderings,
        content,
        needs_smtputf8,
        facts: Facts {
            content_type: if draft.html { "text/html" } else { "text/plain" },
            attachments: attachments.len(),
        },
    })
}

/// In the domain of the sender composed first.
fn message_id(senders: &[Mailbox], id: Uuid) -> String {
    let domain = senders.first().map_or("localhost", |sender| sender.address.domain());
    format!("<{}@{domain}>", id.simple())
}
