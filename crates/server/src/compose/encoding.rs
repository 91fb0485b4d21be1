//! Encodes text as 7-bit lines that decode to exactly that text (RFC 2045, section 6).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quoted_printable::{InputMode, Options};

/// Lines up to this length are sent as they are (RFC 5322, section 2.1.1).
const LINE_LIMIT: usize = 78;

/// What becomes a line of base64, in bytes.
const BASE64_LINE: usize = 57;
/// What fits on a line of quoted-printable, besides a soft line break (RFC 2045, section 6.7).
const QP_LINE: usize = 75;

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
    if shorter_as_base64(text) {
        return Encoded { name: "base64", bytes: Cow::Owned(as_base64(text)) };
    }
    // The soft line break at the end needs a place on the last line.
    let limit = if ends_open { QP_LINE } else { QP_LINE + 1 };
    let options = Options::default().line_length_limit(limit).input_mode(InputMode::Text);
    let mut bytes = quoted_printable::encode_with_options(text, options).into_bytes();
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

/// Lines of at most 76 characters (RFC 2045, section 6.8).
fn as_base64(text: &str) -> Vec<u8> {
    let mut lines = String::with_capacity(base64_len(text));
    for line in text.as_bytes().chunks(BASE64_LINE) {
        STANDARD.encode_string(line, &mut lines);
        lines.push_str("\r\n");
    }
    lines.into_bytes()
}

fn base64_len(text: &str) -> usize {
    text.len().div_ceil(3) * 4 + text.len().div_ceil(BASE64_LINE) * 2
}

/// What counts is the number of bytes to escape; soft line breaks are few.
fn shorter_as_base64(text: &str) -> bool {
    let is_escaped = |byte: &u8| !matches!(byte, b'\r' | b'\n' | b'\t' | b' '..=b'<' | b'>'..=b'~');
    let escaped = text.bytes().filter(|byte| is_escaped(byte)).count();
    let content = text.len() + 2 * escaped;
    content + content / QP_LINE * 3 > base64_len(text)
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn no_line_of_quoted_printable_is_longer_than_76_characters() {
        for length in 70..80 {
            for end in ["", " ", "\r\n", "ü"] {
                let text = format!("ü{}{end}", "x".repeat(length));
                let encoded = encode(&text, true);
                let lines = String::from_utf8(encoded.bytes.into_owned()).unwrap();
                assert_eq!(encoded.name, "quoted-printable");
                assert!(lines.split("\r\n").all(|line| line.len() <= 76), "{lines}");
            }
        }
    }
}
