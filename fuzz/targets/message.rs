//! Any bytes as a JSON-RPC message: what the transports answer by themselves is a valid, short error, and both agree.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use smtp_mcp_server::mcp::own_errors;

fuzz_target!(|message: &[u8]| {
    if message.contains(&b'\n') {
        return;
    }
    let errors = own_errors(message);
    let [stdio, http] = errors.each_ref().map(|error| error.as_deref().map(check));
    if let (Some(stdio), Some(http)) = (&stdio, &http) {
        // Only over stdio a byte order mark is skipped.
        assert!(stdio == http || *http == -32700, "{stdio} over stdio, {http} over HTTP");
    }
});

/// The code of an error response.
fn check(line: &str) -> i64 {
    assert!(line.len() < 1000 + 6 * 256 && line.ends_with('\n'), "{line}");
    let error: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(error["jsonrpc"], "2.0");
    let id = &error["id"];
    assert!(id.is_null() || id.is_i64() || id.is_u64() || id.as_str().is_some_and(|id| id.len() <= 256), "{id}");
    let code = error["error"]["code"].as_i64().expect("a code");
    assert!([-32700, -32600].contains(&code), "{code}");
    code
}
