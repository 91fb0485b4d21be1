//! Any bytes as a JSON-RPC message: what the transports answer by themselves is a valid, short error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use smtp_mcp_server::transport::own_errors;

fuzz_target!(|message: &[u8]| {
    if message.contains(&b'\n') {
        return;
    }
    own_errors(message).iter().flatten().for_each(|line| check(line));
});

/// An error response with a valid id and a code of JSON-RPC's own.
fn check(line: &str) {
    assert!(line.len() < 1000 + 6 * 256 && line.ends_with('\n'), "{line}");
    let error: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(error["jsonrpc"], "2.0");
    let id = &error["id"];
    assert!(
        id.is_null() || id.is_i64() || id.is_u64() || id.as_str().is_some_and(|id| id.len() <= 256),
        "{id}"
    );
    let code = error["error"]["code"].as_i64().expect("a code");
    assert!([-32700, -32600].contains(&code), "{code}");
}
