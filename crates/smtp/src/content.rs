//! The bytes of a message, in pieces that are never joined, and the dots that DATA wants (RFC 5321, section 4.5.2).

use bytes::Bytes;
use memchr::memmem;

/// A message: header and body in pieces, in order, with CRLF line ends throughout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// The pieces. A line may go on from one into the next.
    pub pieces: Vec<Bytes>,
    /// A header holds UTF-8, so the server must offer SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
}

/// What a look through all of a [`Content`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Examined {
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
    /// Looks through all of it.
    pub fn examine(&self) -> Examined {
        Examined {
            size: self.size(),
            eight_bit: self.is_8bit(),
            smtputf8: self.smtputf8,
            crlf_throughout: self.has_crlf_throughout(),
        }
    }

    /// The size in bytes as RFC 1870 counts it: without the dots of DATA, with the end of the last line.
    pub fn size(&self) -> u64 {
        let bytes: usize = self.pieces.iter().map(Bytes::len).sum();
        let missing_end = if bytes == 0 || self.ends_in_crlf() { 0 } else { 2 };
        (bytes + missing_end) as u64
    }

    /// Whether a byte above 127 is in it.
    pub fn is_8bit(&self) -> bool {
        self.pieces.iter().any(|piece| !piece.is_ascii())
    }

    /// Whether every CR is followed by LF, and every LF preceded by CR, across the pieces, too.
    pub fn has_crlf_throughout(&self) -> bool {
        let mut after_cr = false;
        for piece in self.pieces.iter().filter(|piece| !piece.is_empty()) {
            if after_cr && piece[0] != b'\n' {
                return false;
            }
            if !piece_has_crlf(piece, after_cr) {
                return false;
            }
            after_cr = piece[piece.len() - 1] == b'\r';
        }
        !after_cr
    }

    /// What DATA sends ahead of [`Content::end`]: the content with doubled dots, in slices, without its last CRLF.
    pub fn stuffed(&self) -> impl Iterator<Item = &[u8]> {
        let bytes: usize = self.pieces.iter().map(Bytes::len).sum();
        let kept = if self.ends_in_crlf() { bytes - 2 } else { bytes };
        Stuffed { pieces: self.pieces.iter(), rest: &[], left: kept, at_line_start: true }
    }

    /// The end of the data: the end of the last line, and the lone dot. It holds the last bytes of a delivery.
    pub fn end(&self) -> &'static [u8] {
        let empty = self.pieces.iter().all(Bytes::is_empty);
        if empty { b".\r\n" } else { b"\r\n.\r\n" }
    }

    fn ends_in_crlf(&self) -> bool {
        let mut last = self.pieces.iter().rev().flat_map(|piece| piece.iter().rev());
        last.next() == Some(&b'\n') && last.next() == Some(&b'\r')
    }
}

/// Whether line ends within one piece are CRLF; `after_cr` tells whether a CR stands before it, and a CR at its end may be completed later.
fn piece_has_crlf(piece: &[u8], after_cr: bool) -> bool {
    memchr::memchr2_iter(b'\r', b'\n', piece).all(|at| match piece[at] {
        b'\r' => piece.get(at + 1).is_none_or(|next| *next == b'\n'),
        _ => at.checked_sub(1).map_or(after_cr, |before| piece[before] == b'\r'),
    })
}

/// Yields the content's slices, and a dot of its own before each that begins a line with a dot.
struct Stuffed<'a> {
    pieces: std::slice::Iter<'a, Bytes>,
    rest: &'a [u8],
    left: usize,
    at_line_start: bool,
}

impl<'a> Iterator for Stuffed<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while self.rest.is_empty() {
            let piece = self.pieces.next()?;
            self.rest = &piece[..piece.len().min(self.left)];
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
