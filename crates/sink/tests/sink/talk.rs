//! A client without behaviors: it sends what it is told and returns what it hears.

use std::io;
use std::time::Duration;

use smtp_sink::Sink;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) struct Talk<S = TcpStream> {
    stream: S,
    heard: String,
}

impl Talk {
    /// Connects and hears nothing yet.
    pub(crate) async fn dial(sink: &Sink) -> Self {
        let stream = TcpStream::connect(sink.addr()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::on(stream)
    }

    /// Connects and hears the greeting.
    pub(crate) async fn open(sink: &Sink) -> Self {
        let mut talk = Self::dial(sink).await;
        assert_eq!(codes(&talk.replies(1).await), [220]);
        talk
    }

    /// Connects and says EHLO.
    pub(crate) async fn hello(sink: &Sink) -> Self {
        let mut talk = Self::open(sink).await;
        assert!(talk.line("EHLO client.example").await.starts_with("250-"));
        talk
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        assert_eq!(self.heard, "");
        self.stream
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub(crate) fn on(stream: S) -> Self {
        Self { stream, heard: String::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // A server that has hung up is the test's business when it listens.
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    pub(crate) async fn byte_by_byte(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]).await;
            tokio::task::yield_now().await;
        }
    }

    /// Sends a line and hears its reply.
    pub(crate) async fn line(&mut self, line: &str) -> String {
        self.bytes(format!("{line}\r\n").as_bytes()).await
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) -> String {
        self.send(bytes).await;
        self.replies(1).await.remove(0)
    }

    /// Hears `count` replies, each with all its lines.
    pub(crate) async fn replies(&mut self, count: usize) -> Vec<String> {
        let mut replies = Vec::new();
        while replies.len() < count {
            match split_reply(&self.heard) {
                Some(end) => replies.push(self.heard.drain(..end).collect()),
                None => {
                    assert!(self.read_more().await.unwrap() > 0, "closed after {replies:?} {:?}", self.heard);
                }
            }
        }
        replies
    }

    /// Says no more, and goes on hearing.
    pub(crate) async fn shut(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Everything until the end of the connection, however it ends.
    pub(crate) async fn rest(&mut self) -> String {
        while matches!(self.read_more().await, Ok(count) if count > 0) {}
        std::mem::take(&mut self.heard)
    }

    /// How the connection ends: with an end, or with an error.
    pub(crate) async fn end(&mut self) -> Option<io::ErrorKind> {
        loop {
            match self.read_more().await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(error.kind()),
            }
        }
    }

    /// What was heard so far, once it is at least this long.
    pub(crate) async fn at_least(&mut self, count: usize) -> &str {
        while self.heard.len() < count {
            assert!(self.read_more().await.unwrap() > 0, "closed behind {:?}", self.heard);
        }
        &self.heard
    }

    async fn read_more(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        // A sink that forgets to answer must not hold up the whole test run.
        let heard = timeout(Duration::from_secs(20), self.stream.read(&mut buffer)).await;
        let count = heard.expect("silence")?;
        self.heard.push_str(&String::from_utf8_lossy(&buffer[..count]));
        Ok(count)
    }
}

/// Where the first reply ends, if it is whole.
fn split_reply(heard: &str) -> Option<usize> {
    let mut end = 0;
    for line in heard.split_inclusive("\r\n") {
        end += line.len();
        if line.ends_with("\r\n") && line.as_bytes().get(3) == Some(&b' ') {
            return Some(end);
        }
    }
    None
}

pub(crate) fn codes(replies: &[String]) -> Vec<u16> {
    replies.iter().map(|reply| reply[..3].parse().unwrap()).collect()
}
