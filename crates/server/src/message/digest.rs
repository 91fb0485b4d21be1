//! The digest over a message.

use sha2::{Digest as _, Sha256};

use super::{HeaderVariant, Message};

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest over everything that decides who gets what from whom, each field preceded by its length, so that no
    /// byte can move between them.
    pub fn of(message: &Message) -> Self {
        let mut hash = Sha256::new();
        add(&mut hash, message.message_id.as_bytes());
        add(&mut hash, &[u8::from(message.sender_chosen), u8::from(message.needs_smtputf8)]);
        hash.update((message.recipients.len() as u64).to_be_bytes());
        for recipient in &message.recipients {
            add(&mut hash, recipient.to_string().as_bytes());
        }
        hash.update((message.header_variants.len() as u64).to_be_bytes());
        for HeaderVariant { sender, header } in &message.header_variants {
            add(&mut hash, sender.to_string().as_bytes());
            add(&mut hash, header);
        }
        add(&mut hash, &message.content);
        Self(hash.finalize().into())
    }
}

fn add(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}
