//! A connection that writes flights of commands and reads whole replies, each within a time limit.

use std::io;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::counters::{Counted, Counter};
use crate::mask::Mask;
use crate::reply::ReplyParser;
use crate::{ErrorKind, Reply, tls};

/// The most unread bytes that are held.
const READ_CHUNK: usize = 8 * 1024;

/// A connection, with or without TLS, and the bytes read but not used yet.
pub(crate) struct Wire {
    stream: Stream,
    unread: Vec<u8>,
    parser: ReplyParser,
    mask: Mask,
    counter: Arc<Counter>,
    /// Something was written since the last read.
    has_written: bool,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The state of a connection on which no reply is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketState {
    /// Open, with nothing to read.
    Quiet,
    /// Unexpected bytes are waiting.
    Readable,
    /// It is closed or broken.
    Closed,
    /// Bytes are waiting that cannot be decrypted without more input.
    Unknown,
}

/// A write that failed, and how many bytes the socket (or TLS) took before.
pub(crate) struct WriteError {
    pub(crate) taken: usize,
    pub(crate) kind: ErrorKind,
}

impl Wire {
    /// A plaintext connection.
    pub(crate) fn plain(stream: TcpStream, counter: Arc<Counter>) -> Self {
        Self::over(Stream::Plain(stream), counter)
    }

    fn over(stream: Stream, counter: Arc<Counter>) -> Self {
        let (unread, parser, mask) = (Vec::new(), ReplyParser::default(), Mask::default());
        Self { stream, unread, parser, mask, counter, has_written: false }
    }

    /// Takes the TLS handshake and returns a new connection: nothing read in plaintext survives, only what is hidden.
    pub(crate) async fn handshake(
        self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        within: Duration,
        deadline: Instant,
    ) -> Result<Self, ErrorKind> {
        let Stream::Plain(tcp) = self.stream else {
            return Ok(self);
        };
        let handshake = TlsConnector::from(config).connect(name, tcp);
        match timeout_at(deadline, handshake).await {
            Ok(Ok(stream)) => {
                Ok(Self { mask: self.mask, ..Self::over(Stream::Tls(Box::new(stream)), self.counter) })
            }
            Ok(Err(e)) => Err(tls::kind(e)),
            Err(_) => Err(ErrorKind::TimedOut(within)),
        }
    }

    /// From now on, what `mask` knows is redacted in replies, too.
    pub(crate) fn add_mask(&mut self, mask: Mask) {
        self.mask.join(mask);
    }

    /// From now on, this response to a challenge is also redacted in replies.
    pub(crate) fn mask(&mut self, answer: &[u8]) {
        self.mask.add(answer);
    }

    /// A server's text, without what is redacted in replies.
    pub(crate) fn redact(&self, text: &[u8]) -> String {
        self.mask.redact_text(&String::from_utf8_lossy(text))
    }

    /// The version of TLS in use.
    pub(crate) fn tls_version(&self) -> Option<&'static str> {
        let Stream::Tls(stream) = &self.stream else {
            return None;
        };
        tls::version_name(stream.get_ref().1.protocol_version()?)
    }

    /// Whether TLS resumed an earlier session with the server, without a second look at its certificate.
    pub(crate) fn is_tls_resumed(&self) -> bool {
        let Stream::Tls(stream) = &self.stream else {
            return false;
        };
        stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The local address.
    pub(crate) fn local_address(&self) -> io::Result<IpAddr> {
        Ok(self.tcp().local_addr()?.ip())
    }

    /// Writes a command.
    pub(crate) async fn send(&mut self, command: &[u8], within: Duration) -> Result<(), ErrorKind> {
        self.write(command, within).await.map_err(|error| error.kind)
    }

    /// Writes all of it, with one write if the socket takes it.
    pub(crate) async fn write(&mut self, bytes: &[u8], within: Duration) -> Result<(), WriteError> {
        let mut taken = 0;
        let writing = async {
            while taken < bytes.len() {
                match self.stream.write(&bytes[taken..]).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    more => taken += more,
                }
            }
            self.stream.flush().await
        };
        let written = timeout(within, writing).await;
        self.has_written = true;
        self.counter.add(Counted::BytesSent, taken);
        let kind = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => io_error(error),
            Err(_) => ErrorKind::TimedOut(within),
        };
        Err(WriteError { taken, kind })
    }

    /// Reads one reply, all of it within the limit: a server that drips bytes gains nothing.
    pub(crate) async fn read_reply(&mut self, within: Duration) -> Result<Reply, ErrorKind> {
        match timeout(within, self.next_reply()).await {
            Ok(Ok(reply)) => Ok(self.mask.redact(reply)),
            Ok(Err(ErrorKind::Garbage(sample))) => Err(ErrorKind::Garbage(self.mask.redact_text(&sample))),
            Ok(Err(kind)) => Err(kind),
            Err(_) => Err(ErrorKind::TimedOut(within)),
        }
    }

    async fn next_reply(&mut self) -> Result<Reply, ErrorKind> {
        loop {
            let (taken, result) = self.parser.feed(&self.unread);
            self.unread.drain(..taken);
            match result {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => self.fill().await?,
                Err(error) => return Err(ErrorKind::Garbage(error.0)),
            }
        }
    }

    async fn fill(&mut self) -> Result<(), ErrorKind> {
        self.acknowledge_at_once();
        if std::mem::take(&mut self.has_written) {
            self.counter.add(Counted::RoundTrips, 1);
        }
        let start = self.unread.len();
        self.unread.resize(start + READ_CHUNK, 0);
        let read = self.stream.read(&mut self.unread[start..]).await;
        self.unread.truncate(start + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(ErrorKind::Closed),
            Ok(length) => {
                self.counter.add(Counted::BytesReceived, length);
                Ok(())
            }
            Err(e) => Err(io_error(e)),
        }
    }

    /// Some servers answer a group in two small writes, and the second waits for our acknowledgement of the first. Linux
    /// resets the option, so it is set before each read; a failure costs only milliseconds.
    fn acknowledge_at_once(&self) {
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(self.tcp()).set_tcp_quickack(true);
    }

    /// Checks, without waiting, whether the server sent something or closed the connection.
    pub(crate) fn socket_state(&mut self) -> SocketState {
        if !self.unread.is_empty() || self.parser.is_mid_reply() {
            return SocketState::Readable;
        }
        match (self.peek(), &mut self.stream) {
            (SocketState::Readable, Stream::Tls(stream)) => {
                let mut space = [0; 1024];
                let mut buf = ReadBuf::new(&mut space);
                match Pin::new(stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut buf) {
                    // Session tickets (RFC 8446, section 4.6.1) are bytes, but not a reply.
                    Poll::Pending if self.peek() == SocketState::Quiet => SocketState::Quiet,
                    Poll::Pending => SocketState::Unknown,
                    Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                        self.unread.extend_from_slice(buf.filled());
                        SocketState::Readable
                    }
                    Poll::Ready(_) => SocketState::Closed,
                }
            }
            (seen, _) => seen,
        }
    }

    /// Asks the kernel directly: tokio's own readiness may be out of date.
    fn peek(&self) -> SocketState {
        match SockRef::from(self.tcp()).peek(&mut [MaybeUninit::uninit(); 1]) {
            Ok(0) => SocketState::Closed,
            Ok(_) => SocketState::Readable,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => SocketState::Quiet,
            Err(_) => SocketState::Closed,
        }
    }

    /// Closes the connection, with close_notify under TLS.
    pub(crate) async fn close(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// An end of stream without close_notify counts as an end: whether something is missing is for the transaction to decide.
fn io_error(e: io::Error) -> ErrorKind {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => ErrorKind::Closed,
        _ => ErrorKind::Io(e.into()),
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
