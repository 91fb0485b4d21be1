//! Slow, long and malformed requests: each gets a clear response, and no other client waits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::config::{self, Config, ConfigSources, HttpConfig, OutboxLocation};
use smtp_mcp_server::delivery::Deliveries;
use smtp_mcp_server::mcp::McpHandler;
use smtp_mcp_server::memory::MemoryLimit;
use smtp_mcp_server::outbox::{Outbox, Principal};
use smtp_mcp_server::transport::{HttpLimits, serve_http};
use smtp_mcp_server::upstream::Upstreams;
use smtp_sink::{Behavior, EventKind, Latch, Sink, Wait};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::exchange::{
    Answer, call, exchange, handshake, legacy_call, mail, post, read_response, request, session,
};
use super::server::plain_server;

/// A server without SMTP servers inside this process, whose memory is also that of the test, with its copies of large requests.
async fn serve(limits: HttpLimits) -> SocketAddr {
    serve_as(Config { memory_limit: MemoryLimit(4 << 30), ..Config::default() }, limits).await
}

async fn serve_as(config: Config, limits: HttpLimits) -> SocketAddr {
    let upstreams = Arc::new(Upstreams::new(ConfigSources::default(), config, Clock::System).unwrap());
    let outbox = Outbox::open(&OutboxLocation::Memory, Clock::System).unwrap();
    let deliveries = Deliveries::new(outbox, Arc::clone(&upstreams), Clock::System);
    let server = McpHandler::new(upstreams, deliveries, Principal::Local, Clock::System);
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
        // rmcp's own message with 400: it was read, and belongs to no session.
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
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        assert!(received.is_empty() || received.starts_with(b"HTTP/1.1 408"), "{received:?}");
    }
    let whole = call("get_smtp_status", &serde_json::json!({}), &[]);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&whole.as_bytes()[..whole.len() - 1]).await.unwrap();
    let answer = read_response(stream).await;
    assert_eq!((answer.status, answer.code()), (408, -32600), "{answer:?}");
    assert_eq!(exchange(address, whole).await.status, 200);
}

#[tokio::test]
async fn there_is_an_end_to_connections() {
    let address =
        serve(HttpLimits { connections: 2, head: Duration::from_millis(300), ..HttpLimits::default() }).await;
    // Two idle connections use up the limit; until one of them is closed, others get only health.
    let silent = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    let refused = exchange(address, call("get_smtp_status", &serde_json::json!({}), &[])).await;
    assert_eq!((refused.status, refused.code()), (503, -32000), "{refused:?}");
    assert_eq!(exchange(address, request("GET", "/health", &[], "")).await.status, 200);
    for mut stream in silent {
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    }
}

#[tokio::test]
async fn a_new_session_ends_the_one_that_is_silent_for_longest() {
    let address = serve(HttpLimits { sessions: 3, ..HttpLimits::default() }).await;
    let sessions = [session(address).await, session(address).await, session(address).await];
    let status = |session: &str| legacy_call(session, "get_smtp_status", &serde_json::json!({}));
    let events = request("GET", "/mcp", &[&sessions[0], "Accept: text/event-stream"], "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(events.as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    assert_eq!(exchange(address, status(&sessions[1])).await.status, 200);
    let newer = session(address).await;
    let ended = async |session: &str| exchange(address, status(session)).await.status == 404;
    assert!(!ended(&sessions[0]).await, "it has an open stream");
    assert!(!ended(&sessions[1]).await, "it was used");
    assert!(ended(&sessions[2]).await);
    assert!(!ended(&newer).await);
}

#[tokio::test]
async fn sessions_with_open_streams_are_not_ended() {
    let address = serve(HttpLimits { sessions: 2, ..HttpLimits::default() }).await;
    let sessions = [session(address).await, session(address).await];
    let mut streams = Vec::new();
    for session in &sessions {
        let events = request("GET", "/mcp", &[session, "Accept: text/event-stream"], "");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(events.as_bytes()).await.unwrap();
        stream.readable().await.unwrap();
        streams.push(stream);
    }
    assert_eq!(exchange(address, handshake()).await.status, 200, "one more than there may be");
    for session in &sessions {
        let status = legacy_call(session, "get_smtp_status", &serde_json::json!({}));
        assert_eq!(exchange(address, status).await.status, 200);
    }
}

#[tokio::test]
async fn a_request_holds_its_share_until_its_answer_is_read() {
    let servers =
        (0..2000).map(|number| plain_server(&format!("{number:01000}"), "localhost", 25, "a@x.org"));
    let config = Config { servers: servers.collect(), ..Config::default() };
    let wait = Duration::from_millis(300);
    let address = serve_as(config, HttpLimits { requests: 1, wait, ..HttpLimits::default() }).await;
    let session = session(address).await;
    let status = call("get_smtp_status", &serde_json::json!({}), &[]);
    for asked in [&status, &legacy_call(&session, "get_smtp_status", &serde_json::json!({}))] {
        let mut unread = TcpStream::connect(address).await.unwrap();
        unread.write_all(asked.as_bytes()).await.unwrap();
        unread.readable().await.unwrap();
        assert_eq!(exchange(address, &status).await.status, 503, "the answer waits to be read");
        assert_eq!(read_response(unread).await.status, 200);
        assert_eq!(exchange(address, &status).await.status, 200);
    }
}

#[tokio::test]
async fn who_reads_nothing_is_disconnected() {
    let short = Duration::from_millis(200);
    let address = serve(HttpLimits { connections: 1, write: short, ..HttpLimits::default() }).await;
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    // More responses than the buffers of both systems hold, so that in the end nothing more can be written.
    let many = request("GET", "/health", &[], "").replace("Connection: close\r\n", "").repeat(200_000);
    write.write_all(many.as_bytes()).await.unwrap_err();
    let _ = read.read_to_end(&mut Vec::new()).await;
    assert_eq!(exchange(address, call("get_smtp_status", &serde_json::json!({}), &[])).await.status, 200);
}

#[tokio::test]
async fn a_session_keeps_no_long_handshake() {
    let address = serve(HttpLimits::default()).await;
    let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"@","version":"1"}}}"#;
    let padding = (64 << 10) - (hello.len() - 1);
    for (name, status) in [(padding, 200), (padding + 1, 413)] {
        let answer = exchange(address, post(&[], &hello.replace('@', &"t".repeat(name)))).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

/// A server that keeps at most 1 MiB of large requests, in front of a sink.
async fn narrow(sink: &Sink, requests: usize) -> SocketAddr {
    let environment = [
        ("SMTP_HOST", sink.addr().ip().to_string()),
        ("SMTP_PORT", sink.addr().port().to_string()),
        ("SMTP_USE_TLS", "false".to_owned()),
        ("SMTP_FROM_EMAIL", "grace@sender.example".to_owned()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.as_str().into())).into();
    let config = config::load(&ConfigSources { environment, ..ConfigSources::default() }).unwrap();
    let wait = Duration::from_millis(100);
    serve_as(config, HttpLimits { requests, bytes_together: 1 << 20, wait, ..HttpLimits::default() }).await
}

fn chunked(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let length = format!("Content-Length: {}", body.len());
    let head = head.replace(&length, "Transfer-Encoding: chunked");
    let chunks = body
        .as_bytes()
        .chunks(10_000)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), str::from_utf8(chunk).unwrap()));
    format!("{head}\r\n\r\n{}0\r\n\r\n", chunks.collect::<String>())
}

fn assert_busy(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (503, -32000), "{answer:?}");
    assert!(answer.head.contains("retry-after: "), "{answer:?}");
    assert!(answer.body.contains("did nothing with this request; try again"), "{answer:?}");
}

#[tokio::test]
async fn large_requests_share_a_budget_and_small_ones_do_not_wait_for_it() {
    let sink = Sink::start(Behavior::default()).await.unwrap();
    let address = narrow(&sink, 100).await;
    let large = |size: usize| {
        let arguments = serde_json::json!({ "to": "a@b.example", "subject": "large", "body": "b".repeat(size), "allow_duplicate": true });
        call("send_email", &arguments, &[])
    };
    let (first, second) = (large(700 << 10), large(400 << 10));
    // 100 Continue means that it was admitted.
    let polite = |request: &str| request.replacen("\r\n", "\r\nExpect: 100-continue\r\n", 1);
    let (head, body) = first.split_once("\r\n\r\n").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{}\r\n\r\n", polite(head)).as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));

    for request in
        [second.clone(), chunked(&second), polite(second.split_inclusive("\r\n\r\n").next().unwrap())]
    {
        assert_busy(&exchange(address, request).await);
    }
    for request in [large(60 << 10), chunked(&large(50 << 10)), large(300 << 10)] {
        assert_eq!(exchange(address, request).await.status, 200);
    }
    stream.write_all(body.as_bytes()).await.unwrap();
    assert_eq!(read_response(stream).await.status, 200);
    for request in [second.clone(), chunked(&second), large(2 << 20), second] {
        assert_eq!(exchange(address, request).await.status, 200);
    }
    assert_eq!(sink.mails().len(), 8);
}

#[tokio::test]
async fn a_large_request_of_unknown_length_counts_once() {
    let sink = Sink::start(Behavior::default()).await.unwrap();
    let address = narrow(&sink, 1).await;
    let arguments =
        serde_json::json!({ "to": "a@b.example", "subject": "large", "body": "b".repeat(400 << 10) });
    let answer = exchange(address, chunked(&call("send_email", &arguments, &[]))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_call_whose_client_went_away_still_counts() {
    let latch = Latch::new();
    let sink = Sink::start(Behavior::default().wait(Wait::Until(latch.clone()))).await.unwrap();
    let address = narrow(&sink, 1).await;
    let mut lost = TcpStream::connect(address).await.unwrap();
    lost.write_all(mail("lost").as_bytes()).await.unwrap();
    sink.wait_until(|events| events.iter().any(|event| matches!(event.kind, EventKind::Content { .. })))
        .await;
    drop(lost);
    assert_busy(&exchange(address, mail("refused")).await);
    latch.release();
    sink.wait_for(1).await;
    // The mail arrives a moment before the call ends.
    let mut later = exchange(address, mail("later")).await;
    while later.status == 503 {
        later = exchange(address, mail("later")).await;
    }
    assert_eq!(later.status, 200);
    assert_eq!(sink.mails().len(), 2);
}
