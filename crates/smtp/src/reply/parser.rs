//! Parses replies incrementally, within bounds (RFC 5321, section 4.2.1).
//!
//! `smtp-proto`'s parser was tried and not used: it caps a whole reply at 4096 bytes, which long EHLO replies and
//! verbose refusals exceed, and it takes the code of the first line without comparing it with those of the others.

use super::{EnhancedCode, Reply, quote};

/// The longest line, in bytes without its line end. RFC 5321 asks for 512; servers with links in their refusals go beyond.
const LINE_LIMIT: usize = 4096;
/// The longest reply, in bytes.
const REPLY_LIMIT: usize = 64 * 1024;
/// The most lines of one reply.
const LINES_LIMIT: usize = 256;
/// How much of a line that is not a reply is quoted, in characters.
const SAMPLE_LIMIT: usize = 80;

/// Why the input is not a reply; the text of [`ErrorKind::Garbage`](crate::ErrorKind::Garbage).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub String);

/// An incremental parser: the result does not depend on how the bytes were split.
#[derive(Debug, Default)]
pub struct ReplyParser {
    line: Vec<u8>,
    code: Option<u16>,
    enhanced: Option<EnhancedCode>,
    text: String,
    lines: usize,
    size: usize,
}

/// One line of a reply.
struct ReplyLine {
    code: u16,
    last: bool,
    text: String,
}

impl ReplyParser {
    /// Consumes `input` up to the end of one reply, and returns how many bytes that was. `None`: more input is needed.
    ///
    /// # Errors
    /// The input is not a reply, or too long. The stream is out of sync then.
    pub fn feed(&mut self, input: &[u8]) -> (usize, Result<Option<Reply>, ParseError>) {
        let mut taken = 0;
        while let Some(end) = memchr::memchr(b'\n', &input[taken..]) {
            let line = &input[taken..taken + end];
            taken += end + 1;
            match self.end_line(line) {
                Ok(None) => {}
                done => return (taken, done),
            }
        }
        let rest = &input[taken..];
        if self.line.len() + rest.len() > LINE_LIMIT + 1 {
            return (input.len(), Err(ParseError(format!("a line of more than {LINE_LIMIT} bytes"))));
        }
        self.line.extend_from_slice(rest);
        (input.len(), Ok(None))
    }

    /// Whether a reply has begun and not ended.
    pub fn is_mid_reply(&self) -> bool {
        self.code.is_some() || !self.line.is_empty()
    }

    fn end_line(&mut self, tail: &[u8]) -> Result<Option<Reply>, ParseError> {
        if self.line.len() + tail.len() > LINE_LIMIT + 1 {
            return Err(ParseError(format!("a line of more than {LINE_LIMIT} bytes")));
        }
        let mut bytes = std::mem::take(&mut self.line);
        bytes.extend_from_slice(tail);
        self.measure(bytes.len() + 1)?;
        let line = read_line(&bytes)?;
        if self.code.is_some_and(|code| code != line.code) {
            return Err(ParseError("the lines of one reply have different codes".to_owned()));
        }
        let first = self.code.replace(line.code).is_none();
        self.keep(&line, first);
        Ok(line.last.then(|| self.finish(line.code)))
    }

    fn measure(&mut self, bytes: usize) -> Result<(), ParseError> {
        self.size += bytes;
        self.lines += 1;
        if self.size > REPLY_LIMIT {
            return Err(ParseError(format!("a reply of more than {REPLY_LIMIT} bytes")));
        }
        if self.lines > LINES_LIMIT {
            return Err(ParseError(format!("a reply of more than {LINES_LIMIT} lines")));
        }
        Ok(())
    }

    fn keep(&mut self, line: &ReplyLine, first: bool) {
        let (enhanced, text) = split_enhanced(line.code, &line.text);
        self.enhanced = self.enhanced.or(enhanced);
        if !first {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }

    fn finish(&mut self, code: u16) -> Reply {
        let done = std::mem::take(self);
        Reply { code, enhanced: done.enhanced, text: done.text }
    }
}

/// Reads one line without its LF. A bare LF and a missing text are accepted, an invalid code is not.
fn read_line(bytes: &[u8]) -> Result<ReplyLine, ParseError> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let strange = || {
        ParseError(format!("\"{}\"", quote(&String::from_utf8_lossy(bytes), SAMPLE_LIMIT).replace('"', "'")))
    };
    let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = bytes else {
        return Err(strange());
    };
    let (last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return Err(strange()),
    };
    let digit = |d: &u8| u16::from(d - b'0');
    let code = digit(a) * 100 + digit(b) * 10 + digit(c);
    Ok(ReplyLine { code, last, text: String::from_utf8_lossy(text).into_owned() })
}

/// Splits off an enhanced code of the reply's own class (RFC 2034, section 4).
fn split_enhanced(code: u16, text: &str) -> (Option<EnhancedCode>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match read_enhanced(word) {
        Some(enhanced) if u16::from(enhanced.class) == code / 100 => (Some(enhanced), rest),
        _ => (None, text),
    }
}

fn read_enhanced(word: &str) -> Option<EnhancedCode> {
    let mut parts = word.split('.');
    let class = number(parts.next()?)?;
    let subject = number(parts.next()?)?;
    let detail = number(parts.next()?)?;
    if parts.next().is_some() || !matches!(class, 2 | 4 | 5) {
        return None;
    }
    Some(EnhancedCode { class: u8::try_from(class).ok()?, subject, detail })
}

fn number(digits: &str) -> Option<u16> {
    let good = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if good { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
