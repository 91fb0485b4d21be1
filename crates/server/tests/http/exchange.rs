//! Requests as bytes, answers as text.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// One request with these header lines; `Host` and `Connection: close` are added where they are missing.
pub(crate) fn request(method: &str, path: &str, headers: &[&str], body: &str) -> String {
    let mut lines = vec![format!("{method} {path} HTTP/1.1"), "Connection: close".to_owned()];
    if !headers.iter().any(|line| line.starts_with("Host:")) {
        lines.push("Host: localhost".to_owned());
    }
    lines.extend(headers.iter().map(|line| (*line).to_owned()));
    if method == "POST" {
        lines.push(format!("Content-Length: {}", body.len()));
    }
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}

/// Header lines of a POST to `/mcp`.
pub(crate) const POST: &[&str] =
    &["Content-Type: application/json", "Accept: application/json, text/event-stream"];

/// A POST to `/mcp` with these further header lines.
pub(crate) fn post(more: &[&str], body: &str) -> String {
    request("POST", "/mcp", &[POST, more].concat(), body)
}

/// A call as of 2026-07-28, which needs no session.
pub(crate) fn call(tool: &str, arguments: &Value, more: &[&str]) -> String {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let name = format!("Mcp-Name: {tool}");
    let era = ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", &name];
    post(&[&era, more].concat(), &body.to_string())
}

/// The handshake of the older protocol.
pub(crate) fn handshake() -> String {
    let hello = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
    });
    post(&[], &hello.to_string())
}

/// Begins a session of the older protocol and returns its header line.
pub(crate) async fn session(address: SocketAddr) -> String {
    let answer = exchange(address, handshake()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let line = answer.head.lines().find(|line| line.starts_with("mcp-session-id:")).unwrap().to_owned();
    let initialized = post(&[&line], r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    assert_eq!(exchange(address, initialized).await.status, 202);
    line
}

/// A call within a session.
pub(crate) fn legacy_call(session: &str, tool: &str, arguments: &Value) -> String {
    let params = json!({ "name": tool, "arguments": arguments });
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    post(&[session, "MCP-Protocol-Version: 2025-11-25"], &body.to_string())
}

/// A mail to ada.
pub(crate) fn mail(subject: &str) -> String {
    call("send_email", &json!({ "to": "ada@example.org", "subject": subject, "body": "b" }), &[])
}

/// Sends `bytes` and reads the response to the end of the connection.
pub(crate) async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    read_response(stream).await
}

pub(crate) async fn read_response(mut stream: TcpStream) -> Answer {
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    let received = String::from_utf8(received).unwrap();
    let (head, body) = received.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {received:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON-RPC error's code.
    pub(crate) fn code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {self:?}"))
    }
}
