//! The last step before sending: what goes out is what was taken, to those it was taken for.

use std::collections::HashSet;

use smtp_submission::{Content, Envelope};

use crate::message::{Digest, HeaderVariant, Message};

/// Larger messages are digested on a blocking thread, in bytes.
const LARGE: usize = 1 << 20;

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
