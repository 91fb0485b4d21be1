//! Messages as attachments (RFC 2046, section 5.2): they travel as themselves.

use super::encoding::with_crlf;

/// The limit of a line in bytes (RFC 5322, section 2.1.1).
const LINE_LIMIT: usize = 998;

/// How a message travels as the body of a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MessagePart {
    /// Its bytes with CRLF as line ends, if they were not so before.
    pub(super) converted: Option<Vec<u8>>,
    /// `7bit` or `8bit` (RFC 2045, section 6.2).
    pub(super) encoding: &'static str,
}

/// Whether a part of this type is sent as it is (RFC 2046, section 5.2; RFC 3464; RFC 5965; RFC 6532; RFC 8098).
pub(super) fn is_message(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    matches!(
        essence,
        "message/rfc822"
            | "message/delivery-status"
            | "message/disposition-notification"
            | "message/feedback-report"
    ) || may_be_encoded(essence)
}

/// Whether it is internationalized: where it cannot be sent as it is, it may be encoded (RFC 6532, section 3.7; RFC 6533).
pub(super) fn may_be_encoded(media_type: &str) -> bool {
    media_type.starts_with("message/global")
}

/// How the message travels. LF alone becomes CRLF.
///
/// # Errors
/// Why it cannot be sent without an encoding.
pub(super) fn message_part(bytes: &[u8]) -> Result<MessagePart, &'static str> {
    if bytes.contains(&0) {
        return Err("it has a NUL byte");
    }
    if has_lone(b'\r', bytes) {
        return Err("it has a CR that is not part of a line end");
    }
    let converted = match str::from_utf8(bytes) {
        _ if !has_lone(b'\n', bytes) => None,
        Ok(text) => Some(with_crlf(text).into_bytes()),
        Err(_) => return Err("its line ends are not CRLF, and it is not UTF-8"),
    };
    let mut lines = bytes.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if lines.any(|line| line.len() > LINE_LIMIT) {
        return Err("it has a line longer than 998 bytes");
    }
    let encoding = if bytes.is_ascii() { "7bit" } else { "8bit" };
    Ok(MessagePart { converted, encoding })
}

/// Whether it begins with a header field (RFC 5322, section 2.2), and has an empty line behind its header.
pub(super) fn looks_like_message(lines: &[u8]) -> bool {
    let name = lines.split(|&b| b == b':').next().unwrap_or_default();
    !name.is_empty()
        && name.len() < lines.len()
        && name.iter().all(u8::is_ascii_graphic)
        && memchr::memmem::find(lines, b"\r\n\r\n").is_some()
}

/// Whether a CR or LF stands without the other one.
fn has_lone(end: u8, bytes: &[u8]) -> bool {
    let is_paired = |at: usize| match end {
        b'\r' => bytes.get(at + 1) == Some(&b'\n'),
        _ => at > 0 && bytes[at - 1] == b'\r',
    };
    !memchr::memchr_iter(end, bytes).all(is_paired)
}

#[cfg(test)]
mod tests {
    use super::message_part;

    #[test]
    fn a_message_keeps_its_bytes_but_for_its_line_ends() {
        let long = format!("Subject: {}\r\n\r\nx\r\n", "x".repeat(998 - 9));
        for (given, lines, encoding) in [
            ("Subject: a\r\n\r\nx\r\n", "Subject: a\r\n\r\nx\r\n", "7bit"),
            ("Subject: a\n\nx", "Subject: a\r\n\r\nx", "7bit"),
            ("Subject: a\r\n\nx\n", "Subject: a\r\n\r\nx\r\n", "7bit"),
            ("Subject: a\r\n\r\nü\r\n", "Subject: a\r\n\r\nü\r\n", "8bit"),
            (&long, &long, "7bit"),
        ] {
            let part = message_part(given.as_bytes()).unwrap();
            assert_eq!(part.converted.is_none(), given == lines);
            let sent = part.converted.as_deref().unwrap_or(given.as_bytes());
            assert_eq!((sent, part.encoding), (lines.as_bytes(), encoding));
        }
        assert_eq!(message_part(b"Subject: \xE4\r\n\r\n").unwrap().encoding, "8bit");
        let too_long = format!("Subject: {}\r\n\r\nx\r\n", "x".repeat(999 - 9));
        for (given, words) in [
            (&b"Subject: a\r\n\r\n\0"[..], "NUL"),
            (b"Subject: a\rb\r\n\r\n", "a CR"),
            (b"Subject: \xE4\n\n", "not UTF-8"),
            (too_long.as_bytes(), "998"),
        ] {
            assert!(message_part(given).unwrap_err().contains(words));
        }
    }
}
