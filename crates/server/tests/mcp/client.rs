//! A client that writes and reads lines, connected to a server inside the test.

use std::sync::Arc;

use serde_json::{Value, json};
use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::config::{Config, ConfigSources, OutboxLocation};
use smtp_mcp_server::delivery::Deliveries;
use smtp_mcp_server::mcp::McpHandler;
use smtp_mcp_server::memory::MemoryLimit;
use smtp_mcp_server::outbox::{Outbox, Principal};
use smtp_mcp_server::transport::{OnStop, serve_streams};
use smtp_mcp_server::upstream::Upstreams;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

pub(crate) struct Client {
    input: BufReader<ReadHalf<DuplexStream>>,
    output: Option<WriteHalf<DuplexStream>>,
    session: JoinHandle<()>,
    id: u32,
}

/// The `_meta` of each request of 2026-07-28.
pub(crate) fn modern_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

impl Client {
    /// A client of a server without SMTP servers, before any handshake.
    pub(crate) fn connect() -> Self {
        let upstreams =
            Arc::new(Upstreams::new(ConfigSources::default(), Config::default(), Clock::System).unwrap());
        let outbox = Outbox::open(&OutboxLocation::Memory, Clock::System).unwrap();
        let deliveries = Deliveries::new(outbox, Arc::clone(&upstreams), Clock::System);
        let server = McpHandler::new(upstreams, deliveries, Principal::Local, Clock::System);
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let (input, output) = tokio::io::split(theirs);
        let session = tokio::spawn(serve_streams(
            server,
            (input, output),
            MemoryLimit::default(),
            std::future::pending(),
            OnStop { stopping: || {}, shutdown_deadline: || {} },
        ));
        let (input, output) = tokio::io::split(ours);
        Self { input: BufReader::new(input), output: Some(output), session, id: 0 }
    }

    /// A client after the handshake of 2025-11-25.
    pub(crate) async fn legacy() -> Self {
        let mut client = Self::connect();
        client.handshake("2025-11-25").await;
        client
    }

    pub(crate) async fn handshake(&mut self, version: &str) -> Value {
        let client = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client });
        let answer = self.ask("initialize", params).await;
        self.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        answer["result"].clone()
    }

    pub(crate) async fn tools(&mut self) -> Vec<Value> {
        let answer = self.ask("tools/list", json!({})).await;
        answer["result"]["tools"].as_array().cloned().unwrap()
    }

    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        let answer = self.ask("tools/call", params).await;
        answer["result"].clone()
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params });
        self.say(&request.to_string()).await;
        let answer = self.receive().await;
        assert_eq!(answer["id"], self.id, "{answer}");
        answer
    }

    pub(crate) async fn say(&mut self, line: &str) {
        self.say_raw(line).await;
        self.say_raw("\n").await;
    }

    pub(crate) async fn say_raw(&mut self, text: &str) {
        self.output.as_mut().unwrap().write_all(text.as_bytes()).await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.input.read_line(&mut line).await.unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Closes the client's output, as a disconnecting client does.
    pub(crate) async fn close(&mut self) {
        self.output.take().unwrap().shutdown().await.unwrap();
    }

    pub(crate) async fn ended(self) {
        self.session.await.unwrap();
    }
}
