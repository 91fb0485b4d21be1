//! Any bytes on a connection of the HTTP server: an answer or none, but no failure, and the next connection works.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_mcp_server_fuzz::http::{exchange, exchange_and_leave, status};

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fuzz_target!(|bytes: &[u8]| {
    let answer = exchange_and_leave(bytes);
    assert!(answer.is_empty() || status(&answer).is_some(), "{:?}", String::from_utf8_lossy(&answer));
    if bytes.first().is_some_and(|byte| byte % 16 == 0) {
        assert_eq!(status(&exchange(HEALTH)), Some(200));
    }
});
