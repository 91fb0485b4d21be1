//! Reads lines of bounded length: a longer one is reported and skipped.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The size of a pipe's buffer, so that a large line takes few reads.
const CHUNK: usize = 64 << 10;

/// Reads lines of at most `limit` bytes.
pub(super) struct LineReader<R> {
    input: BufReader<R>,
    limit: usize,
    line: Vec<u8>,
    is_skipping: bool,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Without its newline.
    Whole(Vec<u8>),
    /// Longer than the limit. The rest of it is skipped.
    TooLong,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self { input: BufReader::with_capacity(CHUNK, input), limit, line: Vec::new(), is_skipping: false }
    }

    /// The next line, or `None` at the end of the input. Cancel safe: the next call goes on with the same line.
    pub(super) async fn next(&mut self) -> std::io::Result<Option<Line>> {
        loop {
            let chunk = self.input.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(self.last());
            }
            let newline = memchr::memchr(b'\n', chunk);
            let part = &chunk[..newline.unwrap_or(chunk.len())];
            let is_too_long = !self.is_skipping && self.line.len() + part.len() > self.limit;
            if is_too_long {
                self.line = Vec::new();
            } else if !self.is_skipping {
                self.line.extend_from_slice(part);
            }
            let consumed = part.len() + usize::from(newline.is_some());
            self.input.consume(consumed);

            let was_skipping = self.is_skipping;
            self.is_skipping = (was_skipping || is_too_long) && newline.is_none();
            if is_too_long {
                return Ok(Some(Line::TooLong));
            }
            if newline.is_some() && !was_skipping {
                return Ok(Some(Line::Whole(std::mem::take(&mut self.line))));
            }
        }
    }

    /// A client that closes its end right after a request may omit the newline.
    fn last(&mut self) -> Option<Line> {
        let line = std::mem::take(&mut self.line);
        (!line.is_empty()).then_some(Line::Whole(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn lines(input: &[u8], limit: usize, buffer: usize) -> Vec<Line> {
        let (mut theirs, ours) = tokio::io::duplex(buffer);
        let input = input.to_vec();
        let writing = tokio::spawn(async move { theirs.write_all(&input).await });
        let mut reader = LineReader::new(ours, limit);
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.unwrap() {
            lines.push(line);
        }
        writing.await.unwrap().unwrap();
        lines
    }

    #[tokio::test]
    async fn lines_come_whole_however_they_arrive() {
        let whole = |text: &str| Line::Whole(text.into());
        let table: [(&str, Vec<Line>); 7] = [
            ("", vec![]),
            ("a\n", vec![whole("a")]),
            ("a\n\nb", vec![whole("a"), whole(""), whole("b")]),
            ("12345678\n", vec![whole("12345678")]),
            ("123456789\nb\n", vec![Line::TooLong, whole("b")]),
            ("123456789012345678901234567890\nb\n", vec![Line::TooLong, whole("b")]),
            ("a\n1234567890", vec![whole("a"), Line::TooLong]),
        ];
        for (input, expected) in table {
            for buffer in [1, 3, 9, 1000] {
                assert_eq!(lines(input.as_bytes(), 8, buffer).await, expected, "{input:?} by {buffer}");
            }
        }
    }
}
