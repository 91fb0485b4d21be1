//! The content: `mixed` › `related` › `alternative`, only the levels that are needed (RFC 2046, RFC 2387).

use bytes::Bytes;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};
use memchr::memmem;
use uuid::Uuid;

use super::attachment::Attachment;
use super::encoding::{Encoded, encode, with_crlf};
use super::file_name;

/// Writes the content: its header fields, an empty line, the body. With `text`, the body is HTML.
pub(super) fn content(body: &str, text: Option<&str>, attachments: &[Attachment<'_>], id: Uuid) -> Bytes {
    let html = text.is_some();
    let body = with_crlf(body);
    let text = text.map(with_crlf);
    let texts = [body.as_bytes(), text.as_deref().unwrap_or_default().as_bytes()];
    let messages = attachments.iter().filter(|attachment| attachment.encoding.is_some());
    let parts: Vec<&[u8]> = texts.into_iter().chain(messages.map(|message| message.bytes.as_ref())).collect();
    let boundary = boundary(id, &parts);
    let at_the_end = !html && attachments.is_empty();

    let mut root = match &text {
        Some(text) => alternative(text, &body, &boundary),
        None => leaf("text/plain; charset=utf-8", encode(&body, at_the_end)),
    };
    let (inline, attached): (Vec<_>, Vec<_>) =
        attachments.iter().partition(|attachment| html && attachment.content_id.is_some());
    if !inline.is_empty() {
        let is_eight_bit = inline.iter().any(|attachment| attachment.is_eight_bit());
        let parts = inline.into_iter().map(|attachment| file("inline", attachment));
        let kind = ContentType::new("multipart/related").attribute("type", "multipart/alternative");
        root = multipart(kind, format!("{boundary}2"), std::iter::once(root).chain(parts).collect());
        root = declared(root, is_eight_bit);
    }
    if !attached.is_empty() {
        let parts = attached.into_iter().map(|attachment| file("attachment", attachment));
        let kind = ContentType::new("multipart/mixed");
        root = multipart(kind, format!("{boundary}3"), std::iter::once(root).chain(parts).collect());
        root = declared(root, attachments.iter().any(Attachment::is_eight_bit));
    }
    let mut content = Vec::with_capacity(size_hint(&body, attachments));
    root.write_part(&mut content);
    Bytes::from(content)
}

fn alternative<'x>(text: &'x str, html: &'x str, boundary: &str) -> MimePart<'x> {
    let parts = vec![
        leaf("text/plain; charset=utf-8", encode(text, false)),
        leaf("text/html; charset=utf-8", encode(html, false)),
    ];
    multipart(ContentType::new("multipart/alternative"), format!("{boundary}1"), parts)
}

fn multipart<'x>(kind: ContentType<'x>, boundary: String, parts: Vec<MimePart<'x>>) -> MimePart<'x> {
    MimePart::raw(parts).header("Content-Type", kind.attribute("boundary", boundary))
}

/// What holds an 8-bit part has to say so (RFC 2045, section 6.4).
fn declared(part: MimePart<'_>, is_eight_bit: bool) -> MimePart<'_> {
    if is_eight_bit { part.header("Content-Transfer-Encoding", Raw::new("8bit")) } else { part }
}

/// A text that is already encoded.
fn leaf<'x>(kind: &'static str, encoded: Encoded<'x>) -> MimePart<'x> {
    MimePart::raw(BodyPart::Binary(encoded.bytes))
        .header("Content-Type", Raw::new(kind))
        .header("Content-Transfer-Encoding", Raw::new(encoded.name))
}

/// A file, byte for byte. Its type is written as raw text, because the builder would encode a typed
/// `text/…` as lines.
fn file<'x>(disposition: &'static str, attachment: &'x Attachment<'_>) -> MimePart<'x> {
    let name = attachment.filename;
    let mut part = MimePart::raw(attachment.bytes.as_ref())
        .header("Content-Type", Raw::new(file_name::content_type(&attachment.media_type, name)))
        .header("Content-Disposition", file_name::disposition(disposition, name));
    if let Some(id) = attachment.content_id {
        part = part.header("Content-ID", Raw::new(format!("<{id}>")));
    }
    match attachment.encoding {
        Some(encoding) => part.header("Content-Transfer-Encoding", Raw::new(encoding)),
        None => part,
    }
}

/// A boundary that occurs in no part. Encoded parts cannot contain it: `=_` is neither base64 nor quoted-printable.
fn boundary(id: Uuid, texts: &[&[u8]]) -> String {
    let mut boundary = format!("=_{}_", id.simple());
    while texts.iter().any(|text| memmem::find(text, boundary.as_bytes()).is_some()) {
        boundary.push('_');
    }
    boundary
}

/// The approximate size, so that a large mail is not reallocated while it grows.
fn size_hint(body: &str, attachments: &[Attachment<'_>]) -> usize {
    let files: usize = attachments.iter().map(|attachment| attachment.bytes.len() / 57 * 78 + 1024).sum();
    files + 3 * body.len() + 4096
}
