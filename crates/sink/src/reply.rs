//! A reply: code, enhanced code and lines (RFC 5321 section 4.2, RFC 2034).

use std::time::Duration;

/// What the sink sends in answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// 0 for garbage, which is neither positive nor negative.
    pub(crate) code: u16,
    /// The pause after each byte.
    pub(crate) pause: Option<Duration>,
    enhanced: &'static str,
    lines: Vec<String>,
    garbage: Vec<u8>,
}

impl Reply {
    /// One line with an enhanced status code.
    pub(crate) fn new(code: u16, enhanced: &'static str, text: &str) -> Self {
        Self { enhanced, ..Self::bare(code, vec![text.to_owned()]) }
    }

    /// Lines without an enhanced status code: the greeting, EHLO, 334 and 354 have none.
    pub(crate) fn bare(code: u16, lines: Vec<String>) -> Self {
        Self { code, pause: None, enhanced: "", lines, garbage: Vec::new() }
    }

    /// Bytes that are not a reply.
    pub(crate) fn garbage(bytes: Vec<u8>) -> Self {
        Self { garbage: bytes, ..Self::bare(0, Vec::new()) }
    }

    /// The same byte by byte.
    pub(crate) fn with_pause(self, pause: Duration) -> Self {
        Self { pause: Some(pause), ..self }
    }

    /// Parses `550 5.1.1 nobody here`. A text without a code becomes a 451.
    pub(crate) fn from_text(text: &str) -> Self {
        let code =
            text.get(..3).and_then(|digits| digits.parse().ok()).filter(|code| (200..600).contains(code));
        let (code, rest) = match code {
            Some(code) => (code, text[3..].trim_start_matches([' ', '-'])),
            None => (451, text),
        };
        Self::bare(code, rest.lines().map(str::to_owned).collect())
    }

    /// Whether it is a 2xx or 3xx.
    pub(crate) fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// The bytes on the wire, with the enhanced code or without.
    pub(crate) fn wire(&self, enhanced: bool) -> Vec<u8> {
        match self.code {
            0 => self.garbage.clone(),
            _ => self.text(enhanced).into_bytes(),
        }
    }

    fn text(&self, enhanced: bool) -> String {
        let code = self.code;
        let prefix = match self.enhanced {
            "" => String::new(),
            _ if !enhanced => String::new(),
            status => format!("{status} "),
        };
        let Some((last, first)) = self.lines.split_last() else {
            return format!("{code} {prefix}\r\n");
        };
        let first: String = first.iter().map(|line| format!("{code}-{prefix}{line}\r\n")).collect();
        format!("{first}{code} {prefix}{last}\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::Reply;

    #[test]
    fn replies_on_the_wire() {
        let refused = Reply::new(550, "5.1.1", "no");
        assert_eq!(refused.text(true), "550 5.1.1 no\r\n");
        assert_eq!(refused.text(false), "550 no\r\n");
        let hello = Reply::bare(250, vec!["localhost".to_owned(), "SIZE 1".to_owned()]);
        assert_eq!(hello.text(true), "250-localhost\r\n250 SIZE 1\r\n");
    }

    #[test]
    fn worded_replies_keep_their_words() {
        assert_eq!(Reply::from_text("452 4.3.1 full").text(true), "452 4.3.1 full\r\n");
        assert_eq!(Reply::from_text("554 a\nb").text(true), "554-a\r\n554 b\r\n");
        assert_eq!(Reply::from_text("550").text(true), "550 \r\n");
        assert_eq!(Reply::from_text("nonsense").code, 451);
        let garbage = Reply::garbage(b"\xff".to_vec());
        assert_eq!((garbage.wire(true), garbage.is_positive()), (b"\xff".to_vec(), false));
    }
}
