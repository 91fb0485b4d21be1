//! The digest: what it covers cannot change without changing it.

use sha2::{Digest as _, Sha256};

use crate::address::Address;
use crate::message::{Digest, Rendering};

/// SHA-256 over recipients, renderings and content, each behind its length, so that nothing can move between them.
pub(super) fn of(recipients: &[Address], renderings: &[Rendering], content: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update((recipients.len() as u64).to_be_bytes());
    for recipient in recipients {
        add(&mut hash, recipient.to_string().as_bytes());
    }
    hash.update((renderings.len() as u64).to_be_bytes());
    for Rendering { identity, header } in renderings {
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
