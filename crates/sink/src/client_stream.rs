//! Bytes in and out of one connection: lines with a limit, queued replies sent in one write (RFC 2920 section 3.2).

use std::future;
use std::io;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

const READ: usize = 64 * 1024;
/// How many lines of an endless reply go out in one write.
const LINES_PER_WRITE: usize = 64;

/// A stream in both directions, encrypted or not.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {
    /// The TCP connection below, if it is still there.
    fn tcp(&self) -> Option<&TcpStream>;
}

impl Duplex for TcpStream {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Duplex for TlsStream<Box<dyn Duplex>> {
    fn tcp(&self) -> Option<&TcpStream> {
        self.get_ref().0.tcp()
    }
}

impl Duplex for tokio::io::Empty {
    fn tcp(&self) -> Option<&TcpStream> {
        None
    }
}

pub(crate) struct ClientStream {
    stream: Box<dyn Duplex>,
    input: BytesMut,
    output: Vec<Output>,
}

/// Bytes to write, at once or with a pause after each.
struct Output {
    bytes: Vec<u8>,
    pause: Option<Duration>,
}

/// A line as it came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InputLine {
    /// Without its CRLF.
    Whole(Vec<u8>),
    /// It ended with LF alone.
    BareLf,
    /// Longer than the limit; it was read and discarded.
    TooLong,
}

impl ClientStream {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream: Box::new(stream), input: BytesMut::new(), output: Vec::new() }
    }

    /// Takes the TLS handshake. The caller has made sure that nothing is buffered.
    pub(crate) async fn secure(&mut self, acceptor: &TlsAcceptor) -> io::Result<()> {
        self.flush().await?;
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.stream = Box::new(acceptor.accept(stream).await?);
        Ok(())
    }

    /// The next line of at most `limit` bytes. Queued replies go out before it waits.
    pub(crate) async fn line(&mut self, limit: usize) -> io::Result<InputLine> {
        let (mut searched, mut too_long) = (0, false);
        loop {
            if let Some(at) = self.input[searched..].iter().position(|&byte| byte == b'\n') {
                let line = self.input.split_to(searched + at + 1);
                too_long |= line.len() > limit;
                return Ok(if too_long { InputLine::TooLong } else { whole(&line) });
            }
            if self.input.len() > limit {
                too_long = true;
                self.input.clear();
            }
            searched = self.input.len();
            self.fill().await?;
        }
    }

    /// Input that was read and not used yet.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.input
    }

    pub(crate) fn used(&mut self, count: usize) {
        self.input.advance(count);
    }

    /// Waits for more input. The end of the stream is an error.
    pub(crate) async fn fill(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.input.reserve(READ);
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Waits until the client has disconnected; what it still sends stays buffered.
    pub(crate) async fn disconnected(&mut self) {
        while self.input.len() < READ {
            if self.fill().await.is_err() {
                return;
            }
        }
        future::pending::<()>().await;
    }

    /// Queues a reply.
    pub(crate) fn queue(&mut self, mut bytes: Vec<u8>, pause: Option<Duration>) {
        match self.output.last_mut() {
            Some(last) if last.pause == pause => last.bytes.append(&mut bytes),
            _ => self.output.push(Output { bytes, pause }),
        }
    }

    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        for Output { bytes, pause } in std::mem::take(&mut self.output) {
            match pause {
                None => self.stream.write_all(&bytes).await?,
                Some(pause) => self.drip(&bytes, pause).await?,
            }
        }
        self.stream.flush().await
    }

    async fn drip(&mut self, bytes: &[u8], pause: Duration) -> io::Result<()> {
        for byte in bytes {
            self.stream.write_all(&[*byte]).await?;
            self.stream.flush().await?;
            sleep(pause).await;
        }
        Ok(())
    }

    /// Sends the line again and again, until the client disconnects.
    pub(crate) async fn repeat(&mut self, line: &str) -> io::Error {
        loop {
            self.queue(line.repeat(LINES_PER_WRITE).into_bytes(), None);
            if let Err(error) = self.flush().await {
                return error;
            }
        }
    }

    /// Sends what is queued, and resets the connection.
    pub(crate) async fn reset(&mut self) -> io::Result<()> {
        self.flush().await?;
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        stream.tcp().map_or(Ok(()), TcpStream::set_zero_linger)
    }

    /// Sends what is queued and closes. Unread input would turn the close into a reset that can overtake the last
    /// reply, so it is read and discarded, for at most a second.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        self.flush().await?;
        self.stream.shutdown().await?;
        let mut discarded = vec![0; READ];
        let drained = async { while self.stream.read(&mut discarded).await.is_ok_and(|count| count > 0) {} };
        let _ = timeout(Duration::from_secs(1), drained).await;
        Ok(())
    }
}

fn whole(line: &[u8]) -> InputLine {
    match line.strip_suffix(b"\r\n") {
        Some(line) => InputLine::Whole(line.to_vec()),
        None => InputLine::BareLf,
    }
}
