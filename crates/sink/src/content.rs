//! A mail's bytes: the framing of DATA (RFC 5321 section 4.5.2), and the defects in what arrived.

/// Collected content, up to a limit.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    /// More came than the limit allows; the bytes are incomplete.
    pub(crate) too_large: bool,
    limit: usize,
}

impl Content {
    pub(crate) fn up_to(limit: usize) -> Self {
        Self { bytes: Vec::new(), too_large: false, limit }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.too_large |= self.bytes.len() + bytes.len() > self.limit;
        if !self.too_large {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// Removes dot-stuffing, byte by byte if need be. Only CRLF ends a line, so a bare LF cannot smuggle the end of the data.
#[derive(Debug)]
pub(crate) struct DotUnstuffer {
    state: DotState,
    /// A line began with a dot that was not doubled.
    pub(crate) unstuffed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DotState {
    LineStart,
    /// After a dot at the start of a line, which is not part of the content yet.
    Dot,
    /// After the CR that follows such a dot, which is not part of the content yet.
    DotCr,
    Text,
    Cr,
}

impl DotUnstuffer {
    pub(crate) fn new() -> Self {
        Self { state: DotState::LineStart, unstuffed: false }
    }

    /// Moves `input` into `content`. Returns how many bytes it used and whether the final dot was among them.
    pub(crate) fn take(&mut self, input: &[u8], content: &mut Content) -> (usize, bool) {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            if self.state == DotState::Text {
                let run = input[at..].iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                let end = run.map_or(input.len(), |run| at + run + 1);
                content.push(&input[at..end]);
                self.state = if input[end - 1] == b'\r' { DotState::Cr } else { DotState::Text };
                at = end;
                continue;
            }
            at += 1;
            if self.step(byte, content) {
                return (at, true);
            }
        }
        (at, false)
    }

    /// One byte outside of running text; true at the end of the data.
    fn step(&mut self, byte: u8, content: &mut Content) -> bool {
        match (self.state, byte) {
            (DotState::LineStart, b'.') => {
                self.state = DotState::Dot;
                return false;
            }
            (DotState::Dot, b'\r') => {
                self.state = DotState::DotCr;
                return false;
            }
            (DotState::DotCr, b'\n') => return true,
            (DotState::DotCr, _) => {
                self.unstuffed = true;
                content.push(b"\r");
                self.state = DotState::Cr;
            }
            (DotState::Dot, _) => self.unstuffed |= byte != b'.',
            _ => {}
        }
        content.push(&[byte]);
        self.state = match (self.state, byte) {
            (DotState::Cr, b'\n') => DotState::LineStart,
            (_, b'\r') => DotState::Cr,
            _ => DotState::Text,
        };
        false
    }
}

/// What is wrong with a mail's bytes: line ends, line lengths, 8-bit bytes that were not declared.
pub(crate) fn defects(bytes: &[u8], smtputf8: bool, body_8bit: bool) -> Vec<String> {
    let mut faults = Defects::default();
    let mut in_header = true;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (line, tail) = split_line(rest);
        faults.line += 1;
        in_header &= !line.is_empty();
        faults.inspect(line, in_header, smtputf8, body_8bit);
        if tail.is_none() {
            faults.add("the last line does not end with CRLF");
        }
        rest = tail.unwrap_or_default();
    }
    faults
        .found
        .into_iter()
        .map(|(what, line, count)| format!("{what} (line {line}, {count} in all)"))
        .collect()
}

/// A line without its CRLF, and what follows, if a CRLF did.
fn split_line(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&byte| byte == b'\n').map(|at| from + at) {
        if at > 0 && bytes[at - 1] == b'\r' {
            return (&bytes[..at - 1], Some(&bytes[at + 1..]));
        }
        from = at + 1;
    }
    (bytes, None)
}

/// Each defect with its first line and the number of lines that have it.
#[derive(Default)]
struct Defects {
    found: Vec<(&'static str, usize, usize)>,
    line: usize,
}

impl Defects {
    fn inspect(&mut self, line: &[u8], in_header: bool, smtputf8: bool, body_8bit: bool) {
        let eight_bit = !line.is_ascii();
        let table = [
            (line.contains(&b'\n'), "a bare LF"),
            (line.contains(&b'\r'), "a bare CR"),
            (line.contains(&0), "a NUL byte"),
            (line.len() > 998, "a line longer than 998 bytes"),
            (eight_bit && in_header && !smtputf8, "8-bit data in the header without SMTPUTF8"),
            (eight_bit && !smtputf8 && !body_8bit, "8-bit data without BODY=8BITMIME or SMTPUTF8"),
        ];
        for (_, what) in table.into_iter().filter(|(is_so, _)| *is_so) {
            self.add(what);
        }
    }

    fn add(&mut self, what: &'static str) {
        match self.found.iter_mut().find(|found| found.0 == what) {
            Some(found) => found.2 += 1,
            None => self.found.push((what, self.line, 1)),
        }
    }
}

#[cfg(test)]
#[path = "content/tests.rs"]
mod tests;
