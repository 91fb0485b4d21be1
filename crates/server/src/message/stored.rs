//! The stored form of a message: everything but its content as JSON, with a version, and the content byte for byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Digest, HeaderVariant, Message, MessageInfo};
use crate::address::Address;
use crate::stored::{StoredError, from_json, to_json};

#[derive(Serialize, Deserialize)]
struct StoredMessage {
    message_id: String,
    recipients: Vec<Address>,
    sender_chosen: bool,
    header_variants: Vec<StoredHeaderVariant>,
    needs_smtputf8: bool,
    /// In base64.
    digest: String,
    info: MessageInfo,
}

#[derive(Serialize, Deserialize)]
struct StoredHeaderVariant {
    sender: Address,
    /// In base64.
    header: String,
}

impl Message {
    /// Everything but the content, which is stored beside it.
    pub fn to_stored(&self) -> String {
        let variant = |variant: &HeaderVariant| StoredHeaderVariant {
            sender: variant.sender.clone(),
            header: STANDARD.encode(&variant.header),
        };
        to_json(&StoredMessage {
            message_id: self.message_id.clone(),
            recipients: self.recipients.clone(),
            sender_chosen: self.sender_chosen,
            header_variants: self.header_variants.iter().map(variant).collect(),
            needs_smtputf8: self.needs_smtputf8,
            digest: STANDARD.encode(self.digest.0),
            info: self.info.clone(),
        })
    }

    /// The message that was stored.
    ///
    /// # Errors
    /// It is of another version, it cannot be read, or its digest does not match: then it is not what was composed.
    pub fn from_stored(stored: &str, content: Bytes) -> Result<Self, StoredError> {
        let stored: StoredMessage = from_json(stored)?;
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| StoredError::Digest);
        let variant = |stored: StoredHeaderVariant| -> Result<_, StoredError> {
            Ok(HeaderVariant { sender: stored.sender, header: decode(&stored.header)?.into() })
        };
        let digest = decode(&stored.digest)?.try_into().map_err(|_| StoredError::Digest)?;
        let message = Self {
            message_id: stored.message_id,
            recipients: stored.recipients,
            sender_chosen: stored.sender_chosen,
            header_variants: stored.header_variants.into_iter().map(variant).collect::<Result<_, _>>()?,
            content,
            needs_smtputf8: stored.needs_smtputf8,
            digest: Digest(digest),
            info: stored.info,
        };
        if Digest::of(&message) != message.digest {
            return Err(StoredError::Digest);
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ContentType;

    fn message() -> Message {
        let address = |text: &str| Address::parse(text).unwrap();
        let variant = |sender: &str| HeaderVariant {
            sender: address(sender),
            header: format!("From: <{sender}>\r\n").into_bytes().into(),
        };
        let message = Message {
            message_id: "<1@x.org>".to_owned(),
            recipients: vec![address("ü@bücher.example"), address("\"a b\"@[192.0.2.1]")],
            sender_chosen: false,
            header_variants: vec![variant("me@x.org"), variant("me@y.org")],
            content: Bytes::from_static(b"Subject: s\r\n\r\n\xff\0\r\n"),
            needs_smtputf8: true,
            digest: Digest::default(),
            info: MessageInfo { content_type: ContentType::Html, attachments: 2 },
        };
        message.sealed()
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let message = message();
        let back = Message::from_stored(&message.to_stored(), message.content.clone());
        assert_eq!(back.unwrap(), message);
    }

    #[test]
    fn a_message_that_was_changed_is_refused() {
        let message = message();
        let stored = message.to_stored();
        for changed in [
            stored.replace("me@y.org", "me@z.org"),
            stored.replace("\"sender_chosen\":false", "\"sender_chosen\":true"),
            stored.replace("192.0.2.1", "192.0.2.2"),
            stored.replace("\"needs_smtputf8\":true", "\"needs_smtputf8\":false"),
            stored.replace("<1@x.org>", "<2@x.org>"),
        ] {
            assert_ne!(changed, stored);
            let read = Message::from_stored(&changed, message.content.clone());
            assert!(matches!(read, Err(StoredError::Digest)), "{changed}: {read:?}");
        }
        let read = Message::from_stored(&stored, Bytes::from_static(b"other"));
        assert!(matches!(read, Err(StoredError::Digest)), "{read:?}");
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let message = message();
        let newer = message.to_stored().replace("\"version\":1", "\"version\":2");
        let read = Message::from_stored(&newer, message.content.clone());
        assert!(matches!(read, Err(StoredError::Version(2))), "{read:?}");
        let read = Message::from_stored("{}", message.content);
        assert!(matches!(read, Err(StoredError::Form(_))), "{read:?}");
    }
}
