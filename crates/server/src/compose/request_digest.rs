//! The digest of a request, by which the same request is recognised.

use sha2::{Digest as _, Sha256};

use super::attachment::Attachment;
use super::rendered_text::RenderedText;
use crate::address::Mailbox;
use crate::message::Digest;
use crate::request::{Draft, MessageId};

/// Changes when the digest is made in another way; then requests of before are not recognised.
const VERSION: u8 = 2;

/// The digest over all that the caller asked for: the texts with their values filled in, and attachments by their bytes. Not
/// over how long the caller waits, nor over its key.
pub(super) fn of(draft: &Draft, texts: &RenderedText, attachments: &[Attachment<'_>]) -> Digest {
    let mut hash = Hash(Sha256::new());
    hash.bytes(&[VERSION, u8::from(draft.html)]);
    hash.mailboxes(draft.from.as_slice());
    for list in [&draft.to, &draft.cc, &draft.bcc, &draft.reply_to] {
        hash.mailboxes(list);
    }
    hash.text(&texts.subject);
    hash.text(&texts.body);
    hash.optional(draft.text.as_ref().and(texts.text.as_deref()));
    hash.optional(draft.in_reply_to.as_ref().map(MessageId::as_str));
    hash.number(draft.references.len());
    draft.references.iter().for_each(|id| hash.text(id.as_str()));
    hash.number(draft.priority.map_or(0, |priority| 1 + priority as usize));
    hash.number(usize::from(draft.read_receipt));
    hash.number(draft.headers.len());
    for header in &draft.headers {
        hash.text(&header.name);
        hash.text(&header.value);
    }
    hash.number(attachments.len());
    for attachment in attachments {
        hash.text(attachment.filename);
        hash.text(&attachment.media_type);
        hash.optional(attachment.content_id);
        hash.bytes(&attachment.bytes);
    }
    // A test is not the same as what is sent afterwards.
    if let Some(redirect_to) = &draft.redirect_to {
        hash.text(&redirect_to.to_string());
    }
    Digest(hash.0.finalize().into())
}

/// Each field is preceded by its length, so that no byte can move between them.
struct Hash(Sha256);

impl Hash {
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.number(usize::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_be_bytes());
    }

    fn mailboxes(&mut self, mailboxes: &[Mailbox]) {
        self.number(mailboxes.len());
        for mailbox in mailboxes {
            self.optional(mailbox.name.as_deref());
            self.text(&mailbox.address.to_string());
        }
    }
}
