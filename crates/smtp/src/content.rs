//! The bytes of a message, in chunks that are never joined, and dot-stuffing for DATA (RFC 5321, section 4.5.2).

use bytes::Bytes;
use memchr::memmem;

/// A message: header and body in chunks, in order, with CRLF line ends throughout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// The chunks. A line may continue in the next chunk.
    pub chunks: Vec<Bytes>,
    /// A header field contains UTF-8, so the server must offer SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
}

/// The properties of a [`Content`] that decide how it can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentInfo {
    /// [`Content::size`].
    pub size: u64,
    /// [`Content::is_8bit`].
    pub eight_bit: bool,
    /// [`Content::smtputf8`].
    pub smtputf8: bool,
    /// [`Content::has_crlf_throughout`].
    pub crlf_throughout: bool,
}

impl Content {
    /// Reads all of the content.
    pub fn info(&self) -> ContentInfo {
        ContentInfo {
            size: self.size(),
            eight_bit: self.is_8bit(),
            smtputf8: self.smtputf8,
            crlf_throughout: self.has_crlf_throughout(),
        }
    }

    /// The size in bytes as RFC 1870 counts it: without the dots of DATA, with the end of the last line.
    pub fn size(&self) -> u64 {
        let bytes: usize = self.chunks.iter().map(Bytes::len).sum();
        let missing_end = if bytes == 0 || self.ends_in_crlf() { 0 } else { 2 };
        (bytes + missing_end) as u64
    }

    /// Whether it contains a byte above 127.
    pub fn is_8bit(&self) -> bool {
        self.chunks.iter().any(|chunk| !chunk.is_ascii())
    }

    /// Whether every CR is followed by LF, and every LF preceded by CR, across the chunks, too.
    pub fn has_crlf_throughout(&self) -> bool {
        let mut after_cr = false;
        for chunk in self.chunks.iter().filter(|chunk| !chunk.is_empty()) {
            if after_cr && chunk[0] != b'\n' {
                return false;
            }
            if !piece_has_crlf(chunk, after_cr) {
                return false;
            }
            after_cr = chunk[chunk.len() - 1] == b'\r';
        }
        !after_cr
    }

    /// What is sent for DATA: the content with doubled dots, the end of its last line, and the lone dot.
    pub fn for_data(&self) -> impl Iterator<Item = &[u8]> {
        let empty = self.chunks.iter().all(Bytes::is_empty);
        let end: &[u8] = if empty { b".\r\n" } else { b"\r\n.\r\n" };
        self.dot_stuffed().chain([end])
    }

    /// What is sent for BDAT: [`Content::size`] bytes as they are, with the end of the last line.
    pub fn for_bdat(&self) -> impl Iterator<Item = &[u8]> {
        let empty = self.chunks.iter().all(Bytes::is_empty);
        let end: &[u8] = if empty || self.ends_in_crlf() { b"" } else { b"\r\n" };
        self.chunks.iter().map(Bytes::as_ref).chain([end])
    }

    /// The content with doubled dots, in slices, without its last CRLF.
    fn dot_stuffed(&self) -> impl Iterator<Item = &[u8]> {
        let bytes: usize = self.chunks.iter().map(Bytes::len).sum();
        let kept = if self.ends_in_crlf() { bytes - 2 } else { bytes };
        DotStuffed { chunks: self.chunks.iter(), rest: &[], left: kept, at_line_start: true }
    }

    fn ends_in_crlf(&self) -> bool {
        let mut last = self.chunks.iter().rev().flat_map(|chunk| chunk.iter().rev());
        last.next() == Some(&b'\n') && last.next() == Some(&b'\r')
    }
}

/// Whether line ends within one chunk are CRLF; `after_cr`: the byte before it is a CR. A CR at its end may be completed by the next chunk.
fn piece_has_crlf(chunk: &[u8], after_cr: bool) -> bool {
    memchr::memchr2_iter(b'\r', b'\n', chunk).all(|at| match chunk[at] {
        b'\r' => chunk.get(at + 1).is_none_or(|next| *next == b'\n'),
        _ => at.checked_sub(1).map_or(after_cr, |before| chunk[before] == b'\r'),
    })
}

/// Yields slices of the content, and an extra dot before each line that begins with a dot.
struct DotStuffed<'a> {
    chunks: std::slice::Iter<'a, Bytes>,
    rest: &'a [u8],
    left: usize,
    at_line_start: bool,
}

impl<'a> Iterator for DotStuffed<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while self.rest.is_empty() {
            let chunk = self.chunks.next()?;
            self.rest = &chunk[..chunk.len().min(self.left)];
            self.left -= self.rest.len();
        }
        if self.at_line_start && self.rest[0] == b'.' {
            self.at_line_start = false;
            return Some(b".");
        }
        let end = memmem::find(self.rest, b"\n.").map_or(self.rest.len(), |at| at + 1);
        let (slice, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.at_line_start = slice[slice.len() - 1] == b'\n';
        Some(slice)
    }
}

#[cfg(test)]
mod tests;
