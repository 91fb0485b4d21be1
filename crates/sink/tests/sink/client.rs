//! A raw client: it sends what it is given and returns what it reads.

use std::io;
use std::time::Duration;

use smtp_sink::Sink;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) struct TestClient<S = TcpStream> {
    stream: S,
    received: String,
}

impl TestClient {
    /// Connects and reads nothing yet.
    pub(crate) async fn dial(sink: &Sink) -> Self {
        let stream = TcpStream::connect(sink.addr()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::on(stream)
    }

    /// Connects and reads the greeting.
    pub(crate) async fn open(sink: &Sink) -> Self {
        let mut client = Self::dial(sink).await;
        assert_eq!(codes(&client.replies(1).await), [220]);
        client
    }

    /// Connects and sends EHLO.
    pub(crate) async fn hello(sink: &Sink) -> Self {
        let mut client = Self::open(sink).await;
        assert!(client.line("EHLO client.example").await.starts_with("250-"));
        client
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        assert_eq!(self.received, "");
        self.stream
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TestClient<S> {
    pub(crate) fn on(stream: S) -> Self {
        Self { stream, received: String::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // A closed connection is reported by the next read.
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    pub(crate) async fn byte_by_byte(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]).await;
            tokio::task::yield_now().await;
        }
    }

    /// Sends a line and reads its reply.
    pub(crate) async fn line(&mut self, line: &str) -> String {
        self.bytes(format!("{line}\r\n").as_bytes()).await
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) -> String {
        self.send(bytes).await;
        self.replies(1).await.remove(0)
    }

    /// Reads `count` replies, each with all its lines.
    pub(crate) async fn replies(&mut self, count: usize) -> Vec<String> {
        let mut replies = Vec::new();
        while replies.len() < count {
            match split_reply(&self.received) {
                Some(end) => replies.push(self.received.drain(..end).collect()),
                None => {
                    assert!(
                        self.read_more().await.unwrap() > 0,
                        "closed after {replies:?} {:?}",
                        self.received
                    );
                }
            }
        }
        replies
    }

    /// Shuts down the sending side.
    pub(crate) async fn shut(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Everything until the end of the connection, however it ends.
    pub(crate) async fn rest(&mut self) -> String {
        while matches!(self.read_more().await, Ok(count) if count > 0) {}
        std::mem::take(&mut self.received)
    }

    /// How the connection ends: closed, or with an error.
    pub(crate) async fn end(&mut self) -> Option<io::ErrorKind> {
        loop {
            match self.read_more().await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(error.kind()),
            }
        }
    }

    /// What was received so far, once it is at least this long.
    pub(crate) async fn at_least(&mut self, count: usize) -> &str {
        while self.received.len() < count {
            assert!(self.read_more().await.unwrap() > 0, "closed behind {:?}", self.received);
        }
        &self.received
    }

    async fn read_more(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        // A sink that does not answer must not block the whole test run.
        let received = timeout(Duration::from_secs(20), self.stream.read(&mut buffer)).await;
        let count = received.expect("silence")?;
        self.received.push_str(&String::from_utf8_lossy(&buffer[..count]));
        Ok(count)
    }
}

/// Where the first reply ends, if it is whole.
fn split_reply(received: &str) -> Option<usize> {
    let mut end = 0;
    for line in received.split_inclusive("\r\n") {
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
