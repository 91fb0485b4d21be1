//! A composed message: envelope data and bytes that never change.

use bytes::Bytes;

use crate::address::{Address, Mailbox};

/// A composed message: recipients, one header block for each identity that may send it, one content, and a digest over all of it.
#[derive(Debug, Clone)]
pub struct Message {
    /// The Message-ID, in angle brackets. The same for every server.
    pub message_id: String,
    /// Everyone who gets a copy, each once: To, Cc and Bcc, in this order.
    pub recipients: Vec<Address>,
    /// Whether the call chose the sender. Then only servers that own this identity may send it.
    pub sender_chosen: bool,
    /// One header block for each identity that may be needed; never empty.
    pub header_variants: Vec<HeaderVariant>,
    /// The rest of the message: the content's own header fields, an empty line, the body. Shared by all header variants.
    pub content: Bytes,
    /// A header field has UTF-8 in an address: it needs SMTPUTF8 (RFC 6531), whoever the recipients are.
    pub needs_smtputf8: bool,
    /// SHA-256 over recipients, header variants and content.
    pub digest: Digest,
    /// What a result says about it.
    pub info: MessageInfo,
}

/// The header block of a message as one identity sends it.
#[derive(Debug, Clone)]
pub struct HeaderVariant {
    /// The identity: From in the header, the address as the reverse path.
    pub identity: Mailbox,
    /// The header fields, CRLF at the end of each, without the empty line.
    pub header: Bytes,
}

/// What a result says about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageInfo {
    /// `text/plain` or `text/html`: the type of the body that the call gave.
    pub content_type: &'static str,
    /// The number of attachments, inline parts included.
    pub attachments: usize,
}

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Message {
    /// The variant for a server with `identity`, if it may send the message at all.
    pub fn header_variant_for(&self, identity: &Mailbox) -> Option<&HeaderVariant> {
        self.header_variants.iter().find(|variant| variant.identity == *identity)
    }
}
