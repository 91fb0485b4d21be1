//! Slow, long and malformed requests: an answer in words for each, and nobody else waits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::config::{Config, HttpConfig, Origin};
use smtp_mcp_server::dispatch::Dispatch;
use smtp_mcp_server::limits::CallLimits;
use smtp_mcp_server::mcp::{HttpLimits, Server, serve_http};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::exchange::{call, exchange, hear, post, request};

/// A server without SMTP servers inside this process.
async fn serve(limits: HttpLimits) -> SocketAddr {
    let config = Config {
        servers: Vec::new(),
        attachment_dirs: Vec::new(),
        limits: CallLimits::default(),
        http: HttpConfig::default(),
        warnings: Vec::new(),
        from_environment_only: true,
    };
    let dispatch = Dispatch::new(Origin::default(), config, Clock::System).unwrap();
    let server = Server::new(Arc::new(dispatch), Clock::System);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve_http(server, listener, HttpConfig::default(), limits, std::future::pending()));
    address
}

#[tokio::test]
async fn what_is_no_message_is_answered() {
    let address = serve(HttpLimits::default()).await;
    for (body, code, id) in [
        ("nonsense", -32700, "null"),
        ("", -32700, "null"),
        (r#"{"jsonrpc":"2.0","id":1"#, -32700, "null"),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600, "null"),
        ("[]", -32600, "null"),
        (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, -32600, "7"),
        (r#"{"id":"x"}"#, -32600, "\"x\""),
        ("5", -32600, "null"),
    ] {
        let answer = exchange(address, post(&[], body)).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{body}: {answer:?}");
        assert_eq!(answer.json()["id"].to_string(), id, "{body}: {answer:?}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let headers = [&format!("Content-Type: {kind}"), "Accept: application/json, text/event-stream"];
        let answer = exchange(address, request("POST", "/mcp", &headers, "{}")).await;
        assert_eq!(answer.status, 415, "a form of a foreign page needs no permission: {answer:?}");
    }
}

#[tokio::test]
async fn the_longest_request_and_one_byte_more() {
    let limit = HttpLimits::default().bytes;
    let address = serve(HttpLimits::default()).await;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for (length, status) in [(limit, 400), (limit + 1, 413), (2 * limit, 413)] {
        let body = format!("{ping}{}", " ".repeat(length - ping.len()));
        let answer = exchange(address, post(&[], &body)).await;
        assert_eq!(answer.status, status, "{answer:?}");
        let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let head = request("PUT", "/mcp", &[], "").replace("PUT", "POST");
        let more = "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let head = head.strip_suffix("\r\n").unwrap().to_owned() + more;
        let answer = exchange(address, head + &chunks).await;
        assert_eq!(answer.status, status, "chunked: {answer:?}");
        // rmcp's own words at 400: it was read, and belongs to no session.
        assert_eq!(answer.body.contains("72 MiB"), status == 413, "{answer:?}");
    }
    let polite = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        limit + 1
    );
    assert_eq!(exchange(address, polite).await.status, 413, "without waiting for the body");
}

#[tokio::test]
async fn who_is_slow_is_told_or_cut() {
    let short = Duration::from_millis(200);
    let address = serve(HttpLimits { head: short, body: short, ..HttpLimits::default() }).await;
    for silent in ["", "POST /mcp HTTP/1.1\r\nHost: local"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(silent.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        assert!(heard.is_empty() || heard.starts_with(b"HTTP/1.1 408"), "{heard:?}");
    }
    let whole = call("get_smtp_status", &serde_json::json!({}), &[]);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&whole.as_bytes()[..whole.len() - 1]).await.unwrap();
    let answer = hear(stream).await;
    assert_eq!((answer.status, answer.code()), (408, -32600), "{answer:?}");
    assert_eq!(exchange(address, whole).await.status, 200);
}

#[tokio::test]
async fn there_is_an_end_to_connections_and_sessions() {
    let address = serve(HttpLimits {
        connections: 2,
        sessions: 1,
        head: Duration::from_millis(300),
        ..HttpLimits::default()
    })
    .await;
    // Two that say nothing fill the room; a third has to wait until one of them is cut, and is heard then.
    let _silent = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    assert_eq!(exchange(address, request("GET", "/health", &[], "")).await.status, 200);
    let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    assert_eq!(exchange(address, post(&[], hello)).await.status, 200);
    let refused = exchange(address, post(&[], hello)).await;
    assert_eq!((refused.status, refused.code()), (503, -32000), "{refused:?}");
}
