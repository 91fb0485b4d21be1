//! Log lines on their way to stderr: a thread of their own writes them, so that nobody else waits for whoever reads them.
//!
//! A client that does not read stderr lets its pipe fill up, and then a write to it takes forever. Lines that do not fit in
//! the queue are dropped and counted; the next line that can be written tells how many.

use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest queue, in bytes: some ten thousand lines.
const LIMIT: usize = 1 << 20;

/// Lines that are not written yet.
#[derive(Debug, Default)]
pub(super) struct LogQueue {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    text: Vec<u8>,
    dropped: u64,
    /// Lines were taken from the queue and are being written.
    is_writing: bool,
}

impl LogQueue {
    pub(super) const fn new() -> Self {
        let lines = Lines { text: Vec::new(), dropped: 0, is_writing: false };
        Self { lines: Mutex::new(lines), changed: Condvar::new() }
    }

    /// Adds a line, or counts it if there is no room. Never waits.
    pub(super) fn push(&self, line: &[u8]) {
        let mut lines = self.lock();
        if lines.text.len() + line.len() > LIMIT {
            lines.dropped += 1;
        } else {
            lines.text.extend_from_slice(line);
        }
        drop(lines);
        self.changed.notify_all();
    }

    /// Writes lines to `output` as they come, forever.
    pub(super) fn write_to(&self, mut output: impl Write) {
        loop {
            let text = self.next();
            // If stderr is closed there is nobody to tell.
            let _ = output.write_all(&text).and_then(|()| output.flush());
        }
    }

    /// Waits for lines, and takes all there are.
    fn next(&self) -> Vec<u8> {
        let mut lines = self.lock();
        lines.is_writing = false;
        self.changed.notify_all();
        let waiting = self.changed.wait_while(lines, |lines| lines.text.is_empty() && lines.dropped == 0);
        let mut lines = waiting.unwrap_or_else(PoisonError::into_inner);
        lines.is_writing = true;
        let mut text = std::mem::take(&mut lines.text);
        if lines.dropped > 0 {
            let dropped = std::mem::take(&mut lines.dropped);
            text.extend_from_slice(
                format!("{dropped} log lines were dropped: stderr was not read\n").as_bytes(),
            );
        }
        text
    }

    /// Waits until every line is written, at most for `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let is_pending = |lines: &mut Lines| lines.is_writing || !lines.text.is_empty();
        let _ = self.changed.wait_timeout_while(self.lock(), limit, is_pending);
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    /// An output that takes nothing until it is told to.
    struct Blocked {
        go: mpsc::Receiver<()>,
        written: mpsc::Sender<String>,
    }

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.go.recv().map_err(std::io::Error::other)?;
            let _ = self.written.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_without_room_are_dropped_and_counted() {
        let (queue, (go, gone), (written, seen)) =
            (Arc::new(LogQueue::new()), mpsc::channel(), mpsc::channel());
        let line = [b"x".repeat(999), b"\n".to_vec()].concat();
        queue.push(b"first\n");
        let writer = Arc::clone(&queue);
        std::thread::spawn(move || writer.write_to(Blocked { go: gone, written }));
        while !queue.lock().is_writing {
            std::thread::yield_now();
        }
        for _ in 0..LIMIT / 1000 + 5 {
            queue.push(&line);
        }
        queue.flush(Duration::from_millis(1));
        assert!(queue.lock().is_writing);
        go.send(()).unwrap();
        assert_eq!(seen.recv().unwrap(), "first\n");
        go.send(()).unwrap();
        let rest = seen.recv().unwrap();
        assert_eq!(rest.matches("x\n").count(), LIMIT / 1000);
        assert!(rest.ends_with("x\n5 log lines were dropped: stderr was not read\n"));
        queue.push(b"last\n");
        go.send(()).unwrap();
        assert_eq!(seen.recv().unwrap(), "last\n");
        queue.flush(Duration::from_secs(60));
        assert!(!queue.lock().is_writing);
    }
}
