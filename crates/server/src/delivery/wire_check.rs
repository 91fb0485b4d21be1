//! The last step before sending: what goes out is what was taken, to those it was taken for.

use std::collections::HashSet;

use smtp_submission::{Content, Envelope};

use crate::message::{Digest, HeaderVariant, Message};

/// Larger messages are digested on a blocking thread, in bytes.
const LARGE: usize = 64 << 10;

/// What is not as it was taken. `None`: everything is.
///
/// `taken`: the digest of the message as it was taken; `None` if an older version of this program took it.
pub(super) async fn difference(
    taken: Option<Digest>,
    message: &Message,
    envelope: &Envelope,
    content: &Content,
) -> Option<&'static str> {
    if !goes_to_recipients_of(message, envelope) {
        return Some("the recipients are not those that it was taken for");
    }
    if !is_content_of(message, envelope, content) {
        return Some("the content is not the one that was taken");
    }
    let digest = if message.content.len() > LARGE {
        let message = message.clone();
        tokio::task::spawn_blocking(move || Digest::of(&message)).await.ok()
    } else {
        Some(Digest::of(message))
    };
    let is_same = digest.is_some_and(|digest| digest == taken.unwrap_or(message.digest));
    (!is_same).then_some("it is not the message that was taken")
}

/// Each recipient is one of the message's, and there is none twice.
fn goes_to_recipients_of(message: &Message, envelope: &Envelope) -> bool {
    let mut left: HashSet<String> = message.recipients.iter().map(ToString::to_string).collect();
    envelope.recipients.iter().all(|path| left.remove(path.as_str()))
}

/// The content is the message's, with the header of its sender.
fn is_content_of(message: &Message, envelope: &Envelope, content: &Content) -> bool {
    let Some(sender) = &envelope.sender else { return false };
    let is_header = |variant: &HeaderVariant, header: &[u8]| {
        variant.header == header && variant.sender.to_string() == sender.as_str()
    };
    match content.chunks.as_slice() {
        [header, body] => {
            *body == message.content
                && message.header_variants.iter().any(|variant| is_header(variant, header))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use smtp_submission::Path;

    use super::*;
    use crate::address::Address;
    use crate::message::{ContentType, MessageInfo};

    fn message() -> Message {
        let address = |text: &str| Address::parse(text).unwrap();
        let variant = |sender: &str| HeaderVariant {
            sender: address(sender),
            header: format!("From: <{sender}>\r\n").into_bytes().into(),
        };
        let message = Message {
            message_id: "<1@x.org>".to_owned(),
            recipients: vec![address("a@x.org"), address("b@x.org")],
            sender_chosen: false,
            header_variants: vec![variant("me@x.org"), variant("me@y.org")],
            content: Bytes::from_static(b"Subject: s\r\n\r\ntext\r\n"),
            needs_smtputf8: false,
            digest: Digest::default(),
            info: MessageInfo { content_type: ContentType::Plain, attachments: 0 },
        };
        message.sealed()
    }

    fn envelope(sender: &str, recipients: &[&str]) -> Envelope {
        let path = |text: &str| Path::new(text).unwrap();
        Envelope { sender: Some(path(sender)), recipients: recipients.iter().map(|one| path(one)).collect() }
    }

    fn content(header: &str, body: &'static str) -> Content {
        let chunks = vec![Bytes::from(header.to_owned()), Bytes::from_static(body.as_bytes())];
        Content { chunks, smtputf8: false }
    }

    const BODY: &str = "Subject: s\r\n\r\ntext\r\n";
    const X: &str = "From: <me@x.org>\r\n";

    #[tokio::test]
    async fn only_what_was_taken_goes_to_those_it_was_taken_for() {
        let taken = Some(message().digest);
        let table = [
            (envelope("me@x.org", &["a@x.org", "b@x.org"]), content(X, BODY), true),
            (envelope("me@x.org", &["b@x.org"]), content(X, BODY), true),
            (envelope("me@y.org", &["b@x.org"]), content("From: <me@y.org>\r\n", BODY), true),
            (envelope("me@x.org", &["a@x.org", "eve@x.org"]), content(X, BODY), false),
            (envelope("me@x.org", &["a@x.org", "a@x.org"]), content(X, BODY), false),
            (envelope("me@x.org", &["A@x.org"]), content(X, BODY), false),
            (envelope("me@y.org", &["a@x.org"]), content(X, BODY), false),
            (envelope("eve@x.org", &["a@x.org"]), content(X, BODY), false),
            (envelope("me@x.org", &["a@x.org"]), content(X, "Subject: s\r\n\r\ntest\r\n"), false),
            (envelope("me@x.org", &["a@x.org"]), content("Bcc: <eve@x.org>\r\n", BODY), false),
        ];
        for (envelope, content, is_same) in table {
            let found = difference(taken, &message(), &envelope, &content).await;
            assert_eq!(found.is_none(), is_same, "{envelope:?} {content:?}: {found:?}");
        }
    }

    #[tokio::test]
    async fn a_message_that_was_changed_after_it_was_taken_is_told() {
        let taken = Some(message().digest);
        let eve = Address::parse("eve@x.org").unwrap();
        let changed = Message { recipients: vec![eve], ..message() };
        let to_eve = envelope("me@x.org", &["eve@x.org"]);
        for message in [changed.clone(), changed.sealed()] {
            let found = difference(taken, &message, &to_eve, &content(X, BODY)).await;
            assert_eq!(found, Some("it is not the message that was taken"));
        }
        let large = Message { content: Bytes::from(vec![b'x'; 2 * LARGE]), ..message() }.sealed();
        let whole = Content { chunks: vec![Bytes::from(X), large.content.clone()], smtputf8: false };
        let to_a = envelope("me@x.org", &["a@x.org"]);
        assert_eq!(difference(Some(large.digest), &large, &to_a, &whole).await, None);
        assert!(difference(taken, &large, &to_a, &whole).await.is_some());
    }
}
