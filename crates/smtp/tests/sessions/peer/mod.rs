//! A scripted peer: a server on a loopback socket that plays conversations and checks both sides.
//!
//! One line a step:
//! ```text
//! S: text      writes the line; before it, nothing may be waiting that the script did not expect
//! S~ text      the same, byte by byte
//! S+ text      the same, in one write with the line that follows
//! S> text      writes the text without a line end
//! C: text      reads a line and compares; a final * stands for anything
//! = tls        takes the TLS handshake
//! = close      closes the connection
//! = reset      resets the connection
//! = eof        waits for the client to close
//! = stall      stays silent until the client gives up
//! = endless t  writes the line t again and again until the client gives up
//! = drain      reads and discards what has come so far
//! = latch      waits until the test releases the latch
//! ```
//! In what the server says, `\t`, `\r`, `\n`, `\\` and `\xNN` stand for one byte, and `{text*n}` for the text n times.

mod bytes;

use std::sync::Arc;
use std::time::Duration;

use smtp_submission::{Limits, Security, ServerParams};
use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long a side waits for the other before the script counts as broken.
const TIMEOUT: Duration = Duration::from_secs(10);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(crate) struct Peer {
    pub(crate) port: u16,
    pub(crate) latch: Arc<Notify>,
    playing: JoinHandle<Result<(), String>>,
}

impl Peer {
    /// Plays one script for each connection, in order.
    pub(crate) async fn play(scripts: &[&str]) -> Self {
        Self::play_with(scripts, None).await
    }

    pub(crate) async fn play_with(scripts: &[&str], tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let latch = Arc::new(Notify::new());
        let scripts: Vec<String> = scripts.iter().map(|script| (*script).to_owned()).collect();
        let playing = tokio::spawn(play_all(listener, scripts, tls, Arc::clone(&latch)));
        Self { port, latch, playing }
    }

    /// Every script was played to its end.
    pub(crate) async fn finish(self) {
        self.finished().await.unwrap();
    }

    /// Whether every script was played to its end; if not, where it stopped.
    pub(crate) async fn finished(self) -> Result<(), String> {
        timeout(TIMEOUT, self.playing).await.expect("the peer still waits").unwrap()
    }

    /// This peer as a server without protection and login.
    pub(crate) fn server(&self) -> ServerParams {
        ServerParams {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            security: Security::None,
            credentials: None,
            allow_plaintext_login: false,
            ehlo_name: None,
            pipelining: true,
            chunking: true,
            limits: Limits {
                connect: Duration::from_secs(5),
                command: Duration::from_secs(5),
                content: Duration::from_secs(5),
                end_of_data: Duration::from_secs(5),
            },
        }
    }
}

async fn play_all(
    listener: TcpListener,
    scripts: Vec<String>,
    tls: Option<TlsAcceptor>,
    latch: Arc<Notify>,
) -> Result<(), String> {
    // Conversations overlap where a client opens a session while another one ends.
    let mut playing = tokio::task::JoinSet::new();
    for (index, script) in scripts.into_iter().enumerate() {
        let (stream, _) = listener.accept().await.map_err(|e| e.to_string())?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let (tls, latch) = (tls.clone(), Arc::clone(&latch));
        playing.spawn(async move {
            Connection::on(stream, tls, latch)?
                .play(&script)
                .await
                .map_err(|e| format!("connection {index}: {e}"))
        });
    }
    while let Some(played) = playing.join_next().await {
        played.map_err(|e| e.to_string())??;
    }
    Ok(())
}

struct Connection {
    stream: Option<Box<dyn Stream>>,
    /// The same socket once more, below TLS.
    socket: Option<Socket>,
    unread: Vec<u8>,
    gathered: Vec<u8>,
    tls: Option<TlsAcceptor>,
    latch: Arc<Notify>,
}

impl Connection {
    fn on(stream: TcpStream, tls: Option<TlsAcceptor>, latch: Arc<Notify>) -> Result<Self, String> {
        let socket = SockRef::from(&stream).try_clone().map_err(|e| e.to_string())?;
        Ok(Self {
            stream: Some(Box::new(stream)),
            socket: Some(socket),
            unread: Vec::new(),
            gathered: Vec::new(),
            tls,
            latch,
        })
    }

    async fn play(&mut self, script: &str) -> Result<(), String> {
        for step in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (mark, text) = step.split_at(step.len().min(2));
            let text = text.strip_prefix(' ').unwrap_or(text);
            let playing = self.step(mark, text);
            timeout(TIMEOUT, playing)
                .await
                .map_err(|_| format!("nothing happened at: {step}"))?
                .map_err(|e| format!("{e} at: {step}"))?;
        }
        Ok(())
    }

    async fn step(&mut self, mark: &str, text: &str) -> Result<(), String> {
        match mark {
            "S:" => self.say(&bytes::line(text)?, false).await,
            "S~" => self.say(&bytes::line(text)?, true).await,
            "S>" => self.say(&bytes::expand(text)?, false).await,
            "S+" => {
                self.gathered.extend(bytes::line(text)?);
                Ok(())
            }
            "C:" => self.expect_line(text).await,
            "= " => self.act(text).await,
            _ => Err("no such step".to_owned()),
        }
    }

    async fn say(&mut self, text: &[u8], drip: bool) -> Result<(), String> {
        if !self.unread.is_empty() {
            return Err(format!("the client already said {:?}", String::from_utf8_lossy(&self.unread)));
        }
        let mut bytes = std::mem::take(&mut self.gathered);
        bytes.extend_from_slice(text);
        let stream = self.stream.as_mut().ok_or("closed")?;
        for part in bytes.chunks(if drip { 1 } else { usize::MAX }) {
            stream.write_all(part).await.map_err(|e| e.to_string())?;
            stream.flush().await.map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    async fn expect_line(&mut self, wanted: &str) -> Result<(), String> {
        let line = loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.unread[..end]).into_owned();
                self.unread.drain(..end + 2);
                break line;
            }
            if self.fill().await? == 0 {
                return Err("the client closed".to_owned());
            }
        };
        let good = wanted.strip_suffix('*').map_or(line == wanted, |start| line.starts_with(start));
        if good { Ok(()) } else { Err(format!("the client said {line:?}")) }
    }

    async fn act(&mut self, what: &str) -> Result<(), String> {
        match what {
            "tls" => {
                let acceptor = self.tls.clone().ok_or("no certificate")?;
                let stream = self.stream.take().ok_or("closed")?;
                self.stream = Some(Box::new(acceptor.accept(stream).await.map_err(|e| e.to_string())?));
            }
            "close" => {
                let mut stream = self.stream.take().ok_or("closed")?;
                let _ = stream.shutdown().await;
                self.socket = None;
            }
            "reset" => {
                let socket = self.socket.take().ok_or("closed")?;
                socket.set_linger(Some(Duration::ZERO)).map_err(|e| e.to_string())?;
                self.stream = None;
            }
            "eof" | "stall" => {
                while self.fill().await.unwrap_or(0) > 0 {}
                if !self.unread.is_empty() {
                    return Err(format!(
                        "the client went on with {:?}",
                        String::from_utf8_lossy(&self.unread)
                    ));
                }
            }
            "drain" => self.unread.clear(),
            "latch" => self.latch.notified().await,
            other => match other.strip_prefix("endless ") {
                Some(text) => self.repeat(&bytes::line(text)?).await,
                None => return Err(format!("cannot {other}")),
            },
        }
        Ok(())
    }

    async fn repeat(&mut self, line: &[u8]) {
        while let Some(stream) = &mut self.stream {
            if stream.write_all(line).await.is_err() {
                return;
            }
        }
    }

    async fn fill(&mut self) -> Result<usize, String> {
        let mut space = [0; 4096];
        let stream = self.stream.as_mut().ok_or("closed")?;
        let read = stream.read(&mut space).await.map_err(|e| e.to_string())?;
        self.unread.extend_from_slice(&space[..read]);
        Ok(read)
    }
}
