//! The digest over a message.

use sha2::{Digest as _, Sha256};

use crate::address::Address;
use crate::message::{Digest, HeaderVariant};

/// SHA-256 over recipients, header variants and content, each preceded by its length, so that no byte can move between them.
pub(super) fn of(recipients: &[Address], header_variants: &[HeaderVariant], content: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update((recipients.len() as u64).to_be_bytes());
    for recipient in recipients {
        add(&mut hash, recipient.to_string().as_bytes());
    }
    hash.update((header_variants.len() as u64).to_be_bytes());
    for HeaderVariant { identity, header } in header_variants {
        add(&mut hash, identity.name.as_deref().unwrap_or_default().as_bytes());
        add(&mut hash, identity.address.to_string().as_bytes());
        add(&mut hash, header);
    }
    add(&mut hash, content);
    Digest(hash.finalize().into())
}

fn add(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}
