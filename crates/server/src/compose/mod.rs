//! The only module that makes message bytes.

mod assemble;
mod attachment;
mod encoding;
mod header;
mod media;
mod rendered_text;
mod senders;
mod template;
mod text_part;

use chrono::{DateTime, FixedOffset};
use uuid::Uuid;

use crate::address::Mailbox;
use crate::config::Config;
use crate::message::{ContentType, Digest, HeaderVariant, Message, MessageInfo};
use crate::request::{Draft, ValidationErrors};

/// Composes the message of a draft. The same draft, time and id give the same bytes.
///
/// Reads files that are attached by path, which may take a while for large ones.
///
/// # Errors
/// Every error at once: in the template, the attachments, the sender.
pub fn compose(
    draft: &Draft,
    config: &Config,
    at: DateTime<FixedOffset>,
    id: Uuid,
) -> Result<Message, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    let texts = errors.note(rendered_text::texts(draft, &config.limits));
    let senders = errors.note(senders::senders(draft, config));
    let attachments = errors.note(attachment::gather(draft, config));
    let (Some(texts), Some(senders), Some(attachments)) = (texts, senders, attachments) else {
        return Err(errors);
    };

    let message_id = message_id(&senders, id);
    let content = assemble::content(&texts.body, texts.text.as_deref(), &attachments, id);
    let recipients = draft.recipients();
    let needs_smtputf8 = header::needs_smtputf8(draft, &senders);
    let render = |identity: Mailbox| HeaderVariant {
        header: header::write(draft, &identity, &texts.subject, at, &message_id),
        sender: identity.address,
    };
    let header_variants: Vec<HeaderVariant> = senders.into_iter().map(render).collect();
    let message = Message {
        digest: Digest::default(),
        message_id,
        recipients,
        sender_chosen: draft.from.is_some(),
        header_variants,
        content,
        needs_smtputf8,
        info: MessageInfo {
            content_type: if draft.html { ContentType::Html } else { ContentType::Plain },
            attachments: attachments.len(),
        },
    };
    Ok(message.sealed())
}

/// The Message-ID, in the domain of the first sender.
fn message_id(senders: &[Mailbox], id: Uuid) -> String {
    let domain = senders.first().map_or("localhost", |sender| sender.address.domain());
    format!("<{}@{domain}>", id.simple())
}
