//! A message: an envelope and bytes that never change once they were composed.

use bytes::Bytes;

use crate::address::{Address, Mailbox};

/// A composed message: recipients, one header block for each identity that may send it, one content, and a digest over all of it.
#[derive(Debug, Clone)]
pub struct Message {
    /// The Message-ID, in angle brackets. The same whichever server sends it.
    pub message_id: String,
    /// Everyone who gets a copy, each once: To, Cc and Bcc, in this order.
    pub recipients: Vec<Address>,
    /// Whether the call chose the sender. Then only servers that own that identity may send it.
    pub sender_chosen: bool,
    /// One header block for each identity that may be needed; never empty.
    pub renderings: Vec<Rendering>,
    /// What follows the header block: the content's own header fields, an empty line, the body. Shared by all renderings.
    pub content: Bytes,
    /// A header has UTF-8 in an address: it needs SMTPUTF8 (RFC 6531), whoever the recipients are.
    pub needs_smtputf8: bool,
    /// SHA-256 over recipients, renderings and content.
    pub digest: Digest,
    /// What a result tells of it.
    pub facts: Facts,
}

/// The header block of a message as one identity sends it.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// The identity: From in the header, the address as the reverse path.
    pub identity: Mailbox,
    /// The header fields, CRLF at the end of each, without the empty line.
    pub header: Bytes,
}

/// What a result tells of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `text/plain` or `text/html`: what the call gave as its body.
    pub content_type: &'static str,
    /// How many attachments it has, inline parts included.
    pub attachments: usize,
}

/// A SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Message {
    /// The rendering that a server with `identity` sends, if it may send the message at all.
    pub fn rendering_for(&self, identity: &Mailbox) -> Option<&Rendering> {
        self.renderings.iter().find(|rendering| rendering.identity == *identity)
    }
}
