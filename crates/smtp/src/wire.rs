//! A connection that writes whole flights and reads whole replies, each within a time limit.

use std::io;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::mask::Mask;
use crate::reply::ReplyParser;
use crate::{Cause, Reply, tls};

/// Small slices are gathered up to this size before a write.
const CHUNK: usize = 64 * 1024;
/// The most unread bytes that are held.
const READ_CHUNK: usize = 8 * 1024;

/// One connection, plain or protected, and what was read from it and not yet used.
pub(crate) struct Wire {
    stream: Stream,
    unread: Vec<u8>,
    parser: ReplyParser,
    mask: Mask,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What a connection does while nothing is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Nothing, as it should.
    Quiet,
    /// Bytes came that nobody asked for.
    Spoke,
    /// It is closed or broken.
    Gone,
    /// Bytes came that could not be looked at without waiting.
    Unclear,
}

/// Why content was not written to its end.
pub(crate) enum Halt {
    /// The caller said so.
    Stopped,
    /// The connection failed.
    Failed(Cause),
}

impl Wire {
    /// A plaintext connection.
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self::over(Stream::Plain(stream))
    }

    fn over(stream: Stream) -> Self {
        Self { stream, unread: Vec::new(), parser: ReplyParser::default(), mask: Mask::default() }
    }

    /// Puts TLS over a plaintext connection. A new connection comes back: nothing read before survives.
    pub(crate) async fn protect(
        self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        within: Duration,
        deadline: Instant,
    ) -> Result<Self, Cause> {
        let Stream::Plain(tcp) = self.stream else {
            return Err(Cause::Tls("TLS is already on".to_owned()));
        };
        let handshake = TlsConnector::from(config).connect(name, tcp);
        match timeout_at(deadline, handshake).await {
            Ok(Ok(stream)) => Ok(Self::over(Stream::Tls(Box::new(stream)))),
            Ok(Err(e)) => Err(tls::cause(&e)),
            Err(_) => Err(Cause::TimedOut(within)),
        }
    }

    /// From now on, replies are cleared of what `mask` knows.
    pub(crate) fn set_mask(&mut self, mask: Mask) {
        self.mask = mask;
    }

    /// From now on, replies are cleared of this answer to a challenge, too.
    pub(crate) fn hide(&mut self, answer: &[u8]) {
        self.mask.add(answer);
    }

    /// The version of TLS in use.
    pub(crate) fn tls_version(&self) -> Option<&'static str> {
        let Stream::Tls(stream) = &self.stream else {
            return None;
        };
        tls::version_name(stream.get_ref().1.protocol_version()?)
    }

    /// The address of our own end.
    pub(crate) fn own_address(&self) -> io::Result<IpAddr> {
        Ok(self.tcp().local_addr()?.ip())
    }

    /// Writes a flight with one call.
    pub(crate) async fn send(&mut self, flight: &[u8], within: Duration) -> Result<(), Cause> {
        let writing = async {
            self.stream.write_all(flight).await?;
            self.stream.flush().await
        };
        match timeout(within, writing).await {
            Ok(done) => done.map_err(|e| io_cause(&e)),
            Err(_) => Err(Cause::TimedOut(within)),
        }
    }

    /// Writes many slices in large writes, each of which must make progress `within` the limit, as long as `go_on` says so.
    pub(crate) async fn send_all<'a>(
        &mut self,
        slices: impl Iterator<Item = &'a [u8]>,
        within: Duration,
        go_on: impl Fn() -> bool,
    ) -> Result<(), Halt> {
        let mut gathered = Vec::with_capacity(CHUNK);
        for mut slice in slices {
            while !slice.is_empty() {
                let room = (CHUNK - gathered.len()).min(slice.len());
                gathered.extend_from_slice(&slice[..room]);
                slice = &slice[room..];
                if gathered.len() == CHUNK {
                    if !go_on() {
                        return Err(Halt::Stopped);
                    }
                    self.send(&gathered, within).await.map_err(Halt::Failed)?;
                    gathered.clear();
                }
            }
        }
        if gathered.is_empty() {
            return Ok(());
        }
        self.send(&gathered, within).await.map_err(Halt::Failed)
    }

    /// Reads one reply, all of it within the limit: a server that drips bytes gains nothing.
    pub(crate) async fn read_reply(&mut self, within: Duration) -> Result<Reply, Cause> {
        match timeout(within, self.next_reply()).await {
            Ok(Ok(reply)) => Ok(self.mask.clear(reply)),
            Ok(Err(Cause::Garbage(sample))) => Err(Cause::Garbage(self.mask.clear_text(&sample))),
            Ok(Err(cause)) => Err(cause),
            Err(_) => Err(Cause::TimedOut(within)),
        }
    }

    async fn next_reply(&mut self) -> Result<Reply, Cause> {
        loop {
            let (taken, result) = self.parser.feed(&self.unread);
            self.unread.drain(..taken);
            match result {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => self.fill().await?,
                Err(garbled) => return Err(Cause::Garbage(garbled.0)),
            }
        }
    }

    async fn fill(&mut self) -> Result<(), Cause> {
        self.acknowledge_at_once();
        let start = self.unread.len();
        self.unread.resize(start + READ_CHUNK, 0);
        let read = self.stream.read(&mut self.unread[start..]).await;
        self.unread.truncate(start + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(Cause::Closed),
            Ok(_) => Ok(()),
            Err(e) => Err(io_cause(&e)),
        }
    }

    /// Some servers answer a flight in two small writes, and the second waits for our acknowledgement of the first. Linux
    /// forgets the option, so it is set before each read; a failure costs milliseconds only.
    fn acknowledge_at_once(&self) {
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(self.tcp()).set_tcp_quickack(true);
    }

    /// Looks, without waiting, whether the server said something or went away.
    pub(crate) fn idle(&mut self) -> Idle {
        if !self.unread.is_empty() || self.parser.is_amid() {
            return Idle::Spoke;
        }
        match (self.peek(), &mut self.stream) {
            (Idle::Spoke, Stream::Tls(stream)) => {
                let mut space = [0; 1024];
                let mut buf = ReadBuf::new(&mut space);
                match Pin::new(stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut buf) {
                    // Session tickets (RFC 8446, section 4.6.1) are bytes, but nothing that was said.
                    Poll::Pending if self.peek() == Idle::Quiet => Idle::Quiet,
                    Poll::Pending => Idle::Unclear,
                    Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                        self.unread.extend_from_slice(buf.filled());
                        Idle::Spoke
                    }
                    Poll::Ready(_) => Idle::Gone,
                }
            }
            (seen, _) => seen,
        }
    }

    /// Asks the kernel itself: tokio's own readiness may lag behind.
    fn peek(&self) -> Idle {
        match SockRef::from(self.tcp()).peek(&mut [MaybeUninit::uninit(); 1]) {
            Ok(0) => Idle::Gone,
            Ok(_) => Idle::Spoke,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Idle::Quiet,
            Err(_) => Idle::Gone,
        }
    }

    /// Says goodbye to the transport, too.
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

/// An end that TLS did not announce is an end all the same: whether something is missing is for the dialog to say.
fn io_cause(e: &io::Error) -> Cause {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => Cause::Closed,
        _ => Cause::Io(e.to_string()),
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
