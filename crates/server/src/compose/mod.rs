//! The only module that makes message bytes.

mod assemble;
mod attachment;
mod attachment_file;
mod encoded_word;
mod encoding;
mod field;
mod file_name;
mod header;
mod media;
mod message_part;
mod rendered_text;
mod request_digest;
mod senders;
mod template;
mod text_part;

use chrono::{DateTime, FixedOffset};
use uuid::Uuid;

use crate::address::Mailbox;
use crate::config::Config;
use crate::message::{ContentType, Digest, HeaderVariant, Message, MessageInfo};
use crate::request::{Draft, ValidationErrors};

/// A message, and what is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The id that it was composed with.
    pub id: Uuid,
    /// The message.
    pub message: Message,
    /// Its subject, as it is read.
    pub subject: String,
    /// The digest of the request: the same for the same request, whenever it is made.
    pub request: Digest,
}

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
) -> Result<Composed, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    let texts = errors.note(rendered_text::texts(draft, &config.limits));
    let senders = errors.note(senders::senders(draft, config));
    let attachments = errors.note(attachment::gather(draft, config));
    let (Some(texts), Some(senders), Some(attachments)) = (texts, senders, attachments) else {
        return Err(errors);
    };

    let message_id = message_id(&senders, id);
    let content = assemble::content(&texts.body, texts.text.as_deref(), &attachments, id);
    let recipients = draft.redirect_to.clone().map_or_else(|| draft.recipients(), |only| vec![only]);
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
    let request = request_digest::of(draft, &texts, &attachments);
    Ok(Composed { id, message: message.sealed(), subject: texts.subject, request })
}

/// The Message-ID, in the domain of the first sender.
fn message_id(senders: &[Mailbox], id: Uuid) -> String {
    let domain = senders.first().map_or("localhost", |sender| sender.address.domain());
    format!("<{}@{domain}>", id.simple())
}
