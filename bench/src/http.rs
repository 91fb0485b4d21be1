//! Clients over HTTP: connections that stay open, each with one call in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::rpc;

/// How a call is assigned to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// A session, begun by a handshake.
    Session,
    /// Each request is self-contained.
    Stateless,
}

/// Longer than any burst takes: a program that hangs is an error.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Connections of one client.
pub(crate) struct Client {
    runtime: Runtime,
    idle: Vec<Connection>,
    calls: Arc<Calls>,
}

/// Makes the requests. No two have the same id: the connections share a session, which tells its calls apart by that.
struct Calls {
    address: String,
    fields: String,
    era: Era,
    tool: &'static str,
    last: AtomicU64,
}

struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

struct Answer {
    head: String,
    body: String,
}

impl Client {
    /// Opens `connections`, and one session for all of them where there are sessions; later calls are of `tool`.
    pub(crate) fn begin(address: &str, era: Era, tool: &'static str, connections: usize) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (idle, fields) = runtime.block_on(async {
            let mut idle = Vec::new();
            for _ in 0..connections.max(1) {
                idle.push(Connection::open(address).await?);
            }
            let fields = match era {
                Era::Session => begin_session(&mut idle[0], address).await?,
                Era::Stateless => stateless_fields(tool),
            };
            anyhow::Ok((idle, fields))
        })?;
        let last = AtomicU64::new(rpc::HELLO);
        let calls = Arc::new(Calls { address: address.to_owned(), fields, era, tool, last });
        Ok(Self { runtime, idle, calls })
    }

    /// Calls the tool `times` times, with one call in flight on each connection.
    pub(crate) fn burst(&mut self, times: usize) -> Result<()> {
        let each = times / self.idle.len();
        let connections = std::mem::take(&mut self.idle);
        let mut busy = JoinSet::new();
        let ended = self.runtime.block_on(async {
            for connection in connections {
                busy.spawn(connection.repeat(Arc::clone(&self.calls), each));
            }
            timeout(TIMEOUT, busy.join_all()).await
        });
        self.idle = ended.context("the program hangs")?.into_iter().collect::<Result<_>>()?;
        Ok(())
    }
}

/// Begins a session; returns the header fields of its requests.
async fn begin_session(connection: &mut Connection, address: &str) -> Result<String> {
    let hello = connection.exchange(&post(address, "", &rpc::initialize())).await?;
    let session = header(&hello.head, "mcp-session-id").context("no session")?;
    let fields = format!("Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: {}\r\n", rpc::SESSION);
    connection.exchange(&post(address, &fields, &rpc::initialized())).await?;
    Ok(fields)
}

fn stateless_fields(tool: &str) -> String {
    let version = rpc::STATELESS;
    format!("MCP-Protocol-Version: {version}\r\nMcp-Method: tools/call\r\nMcp-Name: {tool}\r\n")
}

impl Calls {
    fn next(&self) -> Vec<u8> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let body = match self.era {
            Era::Session => rpc::call(id, self.tool, &Value::Object(Map::new())),
            Era::Stateless => rpc::stateless_call(id, self.tool),
        };
        post(&self.address, &self.fields, &body)
    }
}

fn post(address: &str, more: &str, body: &str) -> Vec<u8> {
    let (kinds, length) = ("application/json, text/event-stream", body.len());
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\nAccept: {kinds}\r\n{more}");
    let head = format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    (head + body).into_bytes()
}

impl Connection {
    async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    async fn repeat(mut self, calls: Arc<Calls>, times: usize) -> Result<Self> {
        for _ in 0..times {
            let answer = self.exchange(&calls.next()).await?;
            if !rpc::is_fine(&answer.body) {
                bail!("the program answered: {}{}", answer.head, answer.body);
            }
        }
        Ok(self)
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        let head = self.until(b"\r\n\r\n").await?;
        let body = match header(&head, "content-length") {
            Some(length) => self.exactly(length.parse()?).await?,
            None if header(&head, "transfer-encoding").is_some() => self.chunks().await?,
            None => String::new(),
        };
        if !head.starts_with("HTTP/1.1 2") {
            bail!("the program answered: {head}{body}");
        }
        Ok(Answer { head, body })
    }

    /// A chunked body (RFC 9112, section 7.1): in a session, rmcp responds with events.
    async fn chunks(&mut self) -> Result<String> {
        let mut body = String::new();
        loop {
            let length = usize::from_str_radix(self.until(b"\r\n").await?.trim_end(), 16)?;
            let chunk = self.exactly(length + 2).await?;
            if length == 0 {
                return Ok(body);
            }
            body += chunk.trim_end_matches("\r\n");
        }
    }

    async fn until(&mut self, end: &[u8]) -> Result<String> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|here| here == end) {
                return self.take(at + end.len());
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<String> {
        while self.unread.len() < length {
            self.more().await?;
        }
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<String> {
        let rest = self.unread.split_off(length);
        Ok(String::from_utf8(std::mem::replace(&mut self.unread, rest))?)
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.unread).await? == 0 {
            bail!("the program closed the connection");
        }
        Ok(())
    }
}

/// The value of a header field.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}
