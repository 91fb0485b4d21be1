//! Any body of a POST, in both versions of the protocol: JSON that answers it, never a failure.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_mcp_server_fuzz::http::{exchange, status};

fuzz_target!(|input: (bool, &[u8])| {
    let (is_modern, body) = input;
    let version =
        if is_modern { "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n" } else { "" };
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{version}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let answer = exchange(&[head.as_bytes(), body].concat());
    let found = status(&answer);
    assert!(found.is_some(), "{:?}", String::from_utf8_lossy(&answer));
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, content) = text.split_once("\r\n\r\n").expect("a head");
    let is_whole = head.to_ascii_lowercase().contains("content-length: ");
    if is_whole && head.contains("application/json") {
        assert!(serde_json::from_str::<serde_json::Value>(content).is_ok(), "{content}");
    }
});
