//! Calls over HTTP: answered in both eras, completed if their client disconnects, and completed before the program ends.

use std::time::Duration;

use serde_json::{Value, json};
use smtp_sink::{Behavior, Event, EventKind, Latch, Wait};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::exchange::{Answer, exchange, legacy_call, mail, post, read_response, request, session};
use super::program::with_sink;

fn content_arrived(count: usize) -> impl Fn(&[Event]) -> bool {
    move |events| {
        events.iter().filter(|event| matches!(event.kind, EventKind::Content { .. })).count() >= count
    }
}

fn legacy_mail(session: &str, subject: &str) -> String {
    legacy_call(session, "send_email", &json!({ "to": "ada@example.org", "subject": subject, "body": "b" }))
}

/// The state in an answer of either era: JSON, or an event.
fn state(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.body.lines().find_map(|line| {
        let line = line.strip_prefix("data: ").unwrap_or(line);
        line.starts_with('{').then(|| serde_json::from_str::<Value>(line).unwrap())
    });
    let json = json.unwrap_or_else(|| panic!("no message: {answer:?}"));
    json["result"]["structuredContent"]["state"].as_str().unwrap_or_else(|| panic!("{json}")).to_owned()
}

#[tokio::test]
async fn both_eras_on_one_url() {
    let (program, sink) = with_sink(Behavior::default(), &[]).await;
    let session = session(program.address).await;
    assert_eq!(state(&exchange(program.address, mail("modern")).await), "sent");
    assert_eq!(state(&exchange(program.address, legacy_mail(&session, "legacy")).await), "sent");
    assert_eq!(sink.mails().len(), 2);
    let unknown = exchange(program.address, legacy_mail("mcp-session-id: nobody", "x")).await;
    assert_eq!(unknown.status, 404);
    let end = request("DELETE", "/mcp", &[&session], "");
    assert_eq!(exchange(program.address, end).await.status, 204);
    assert_eq!(exchange(program.address, legacy_mail(&session, "x")).await.status, 404);
    assert_eq!(sink.mails().len(), 2);
}

#[tokio::test]
async fn the_newer_era_has_no_handshake() {
    let (program, _sink) = with_sink(Behavior::default(), &[]).await;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "_meta": meta } });
    let headers = ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: initialize"];
    let answer = exchange(program.address, post(&headers, &body.to_string())).await;
    assert_eq!((answer.status, answer.code()), (404, -32601), "{answer:?}");
}

#[tokio::test]
async fn a_client_that_goes_away_changes_nothing() {
    let latch = Latch::new();
    let (mut program, sink) = with_sink(Behavior::default().wait(Wait::Until(latch.clone())), &[]).await;
    let session = session(program.address).await;
    for (count, request) in [(1, mail("modern")), (2, legacy_mail(&session, "legacy"))] {
        let mut stream = TcpStream::connect(program.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        sink.wait_until(content_arrived(count)).await;
    }
    latch.release();
    assert_eq!(sink.wait_for(2).await.len(), 2);
    let is_told_twice = |log: &str| log.matches("end=\"sent\"").count() == 2;
    let mut log = program.logged("end=\"sent\"").await;
    while !is_told_twice(&log) {
        tokio::task::yield_now().await;
        log = program.logged("end=\"sent\"").await;
    }
    program.signal("TERM").await;
    assert_eq!(program.ended().await.code(), Some(0));
    assert_eq!(sink.mails().len(), 2);
}

#[tokio::test]
async fn calls_in_flight_are_answered_before_the_end() {
    for signal in ["TERM", "INT"] {
        let latch = Latch::new();
        let (mut program, sink) = with_sink(Behavior::default().wait(Wait::Until(latch.clone())), &[]).await;
        let session = session(program.address).await;
        // A stream that never ends by itself must not delay the shutdown.
        let mut listening = TcpStream::connect(program.address).await.unwrap();
        let events = request("GET", "/mcp", &[&session, "Accept: text/event-stream"], "");
        listening.write_all(events.as_bytes()).await.unwrap();
        let mut clients = Vec::new();
        for number in 0..2 {
            let subject = number.to_string();
            let call = if number % 2 == 0 { mail(&subject) } else { legacy_mail(&session, &subject) };
            clients.push(tokio::spawn(exchange(program.address, call)));
        }
        // Their client will not wait for it.
        let mut lost = TcpStream::connect(program.address).await.unwrap();
        lost.write_all(mail("lost").as_bytes()).await.unwrap();
        sink.wait_until(content_arrived(3)).await;
        drop(lost);
        program.signal(signal).await;
        program.logged("no more calls are taken").await;
        assert!(TcpStream::connect(program.address).await.is_err(), "it still listens");
        latch.release();
        for client in clients {
            assert_eq!(state(&client.await.unwrap()), "sent");
        }
        let status = timeout(Duration::from_secs(8), program.ended()).await.unwrap();
        assert_eq!(status.code(), Some(0));
        assert_eq!(sink.mails().len(), 3);
        assert_eq!(read_response(listening).await.status, 200);
    }
}

#[tokio::test]
async fn a_request_that_is_still_coming_is_told_that_nothing_was_done() {
    let latch = Latch::new();
    let (mut program, sink) = with_sink(Behavior::default().wait(Wait::Until(latch.clone())), &[]).await;
    let under_way = tokio::spawn(exchange(program.address, mail("first")));
    sink.wait_until(content_arrived(1)).await;
    let whole = mail("second");
    let (most, _) = whole.split_at(whole.len() - 5);
    let mut half = TcpStream::connect(program.address).await.unwrap();
    half.write_all(most.as_bytes()).await.unwrap();
    // The server accepts connections in order: once this one is answered, the other was accepted.
    exchange(program.address, request("GET", "/health", &[], "")).await;
    program.signal("TERM").await;
    let answer = read_response(half).await;
    assert_eq!((answer.status, answer.code()), (503, -32000), "{answer:?}");
    latch.release();
    assert_eq!(state(&under_way.await.unwrap()), "sent");
    assert_eq!(program.ended().await.code(), Some(0));
    assert_eq!(sink.mails().len(), 1);
}
