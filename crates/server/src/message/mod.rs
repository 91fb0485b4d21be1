//! A composed message: envelope data and bytes that never change.

mod digest;
mod stored;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::address::Address;
pub use digest::Digest;

/// A composed message: recipients, one header block for each sender, one content, and a digest over all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The Message-ID, in angle brackets. The same for every server.
    pub message_id: String,
    /// Everyone who gets a copy, each once: To, Cc and Bcc, in this order.
    pub recipients: Vec<Address>,
    /// Whether the call chose the sender. Then only servers that own it may send the message.
    pub sender_chosen: bool,
    /// One header block for each sender that may be needed; never empty.
    pub header_variants: Vec<HeaderVariant>,
    /// The rest of the message: the content's own header fields, an empty line, the body. Shared by all header variants.
    pub content: Bytes,
    /// A header field has UTF-8 in an address: it needs SMTPUTF8 (RFC 6531), whoever the recipients are.
    pub needs_smtputf8: bool,
    /// SHA-256 over all of it, made by [`Message::sealed`].
    pub digest: Digest,
    /// What a result says about it.
    pub info: MessageInfo,
}

/// The header block of a message as one sender sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderVariant {
    /// The sender: the address in From, and the reverse path.
    pub sender: Address,
    /// The header fields, CRLF at the end of each, without the empty line.
    pub header: Bytes,
}

/// What a result says about a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageInfo {
    /// The type of the body that the call gave.
    pub content_type: ContentType,
    /// The number of attachments, inline parts included.
    pub attachments: usize,
}

/// The type of a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentType {
    /// Plain text.
    #[default]
    #[serde(rename = "text/plain")]
    Plain,
    /// HTML.
    #[serde(rename = "text/html")]
    Html,
}

impl ContentType {
    /// `type/subtype`.
    pub fn essence(self) -> &'static str {
        match self {
            Self::Plain => "text/plain",
            Self::Html => "text/html",
        }
    }
}

impl Message {
    /// The variant for `sender`, whatever its display name.
    pub fn header_variant_for(&self, sender: &Address) -> Option<&HeaderVariant> {
        self.header_variants.iter().find(|variant| variant.sender == *sender)
    }

    /// The message as its first server gets it (RFC 5322).
    pub fn eml(&self) -> Vec<u8> {
        let header = self.header_variants.first().map_or(&[][..], |variant| &variant.header);
        [header, &self.content].concat()
    }

    /// The same message with the digest over its other fields.
    #[must_use]
    pub fn sealed(self) -> Self {
        Self { digest: Digest::of(&self), ..self }
    }
}
