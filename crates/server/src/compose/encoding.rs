//! Encodes text as 7-bit lines that decode to exactly that text (RFC 2045, section 6).

use std::borrow::Cow;

use encodify::{base64, qp};

/// Lines up to this length are sent as they are (RFC 5322, section 2.1.1).
const LINE_LIMIT: usize = 78;

/// An encoded text.
pub(super) struct Encoded<'t> {
    /// The value of Content-Transfer-Encoding.
    pub(super) name: &'static str,
    /// The encoded lines.
    pub(super) bytes: Cow<'t, [u8]>,
}

/// Converts line ends: CR, LF and CRLF become CRLF.
pub(super) fn with_crlf(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + text.len() / 32 + 2);
    let mut rest = text;
    while let Some(end) = memchr::memchr2(b'\r', b'\n', rest.as_bytes()) {
        lines.push_str(&rest[..end]);
        lines.push_str("\r\n");
        let crlf = rest[end..].starts_with("\r\n");
        rest = &rest[end + if crlf { 2 } else { 1 }..];
    }
    lines.push_str(rest);
    lines
}

/// Encodes a text with CRLF line ends: unencoded, or as quoted-printable or base64, whichever is shorter.
///
/// A text at the end of a message must end with a line break, because the transport would add one. If the text itself does not,
/// a soft line break preserves it.
pub(super) fn encode(text: &str, at_the_end: bool) -> Encoded<'_> {
    let ends_open = at_the_end && !text.is_empty() && !text.ends_with("\r\n");
    if !ends_open && text.split("\r\n").all(is_plain) {
        return Encoded { name: "7bit", bytes: Cow::Borrowed(text.as_bytes()) };
    }
    let mut bytes = Vec::new();
    if shorter_as_base64(text) {
        base64::MIME.encode_append(text.as_bytes(), &mut bytes);
        return Encoded { name: "base64", bytes: Cow::Owned(bytes) };
    }
    qp::BODY.encode_append(text.as_bytes(), &mut bytes);
    if ends_open {
        bytes.extend_from_slice(b"=\r\n");
    }
    Encoded { name: "quoted-printable", bytes: Cow::Owned(bytes) }
}

/// A line that every relay passes unchanged: short printable ASCII without trailing white space.
fn is_plain(line: &str) -> bool {
    line.len() <= LINE_LIMIT
        && !line.ends_with([' ', '\t'])
        && line.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~'))
}

fn shorter_as_base64(text: &str) -> bool {
    let most = base64::MIME.encoded_len(text.len());
    qp::BODY.encoded_len_within(text.as_bytes(), most).is_none()
}
