//! A client's messages, in the older era of the protocol by default.

use serde_json::{Value, json};

/// The older era, which most clients speak.
pub(crate) const SESSION: &str = "2025-11-25";
/// The newer one, in which every request is self-contained.
pub(crate) const STATELESS: &str = "2026-07-28";

/// The id of the first answer.
pub(crate) const HELLO: u64 = 0;

/// The first request.
pub(crate) fn initialize() -> String {
    let client = json!({ "name": "bench", "version": env!("CARGO_PKG_VERSION") });
    let params = json!({ "protocolVersion": SESSION, "capabilities": {}, "clientInfo": client });
    request(HELLO, "initialize", &params)
}

/// What follows its answer.
pub(crate) fn initialized() -> String {
    json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string()
}

/// Asks for the tools.
pub(crate) fn list_tools(id: u64) -> String {
    request(id, "tools/list", &json!({}))
}

/// Calls a tool.
pub(crate) fn call(id: u64, tool: &str, arguments: &Value) -> String {
    request(id, "tools/call", &json!({ "name": tool, "arguments": arguments }))
}

/// Calls a tool without a session.
pub(crate) fn stateless_call(id: u64, tool: &str) -> String {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": env!("CARGO_PKG_VERSION") },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    request(id, "tools/call", &json!({ "name": tool, "arguments": {}, "_meta": meta }))
}

fn request(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// Whether an answer is a result without a failure. The text is searched and not parsed: what the
/// client costs is measured, too.
pub(crate) fn is_fine(answer: &str) -> bool {
    answer.contains("\"result\":") && !answer.contains("\"isError\":true")
}
