//! Params that some clients get wrong without consequence: an empty list for an empty object, arguments as JSON in a string,
//! capabilities and client information that are not in the form of the specification. They are put right before rmcp refuses them.

use rmcp::model::{ClientCapabilities, ClientJsonRpcMessage, ClientRequest, GetMeta as _, JsonRpcMessage};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::json_limits;

pub(super) const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// The methods whose params rmcp understands here; with others in their place it takes the request for one of an unknown method.
const METHODS: [&str; 5] = ["initialize", "ping", "server/discover", "tools/call", "tools/list"];

/// Whether something is wrong with the params of a message that `repair` may put right.
pub(super) fn is_odd(message: &ClientJsonRpcMessage) -> bool {
    let JsonRpcMessage::Request(request) = message else { return false };
    match &request.request {
        ClientRequest::CustomRequest(custom) => METHODS.contains(&custom.method.as_str()),
        known => {
            let meta = known.get_meta();
            meta.get(CLIENT_CAPABILITIES).is_some_and(|given| !are_capabilities(given))
        }
    }
}

/// Puts right what is wrong with the params of a message. Anything else is left for an error.
pub(super) fn repair(message: &mut Value) {
    let is_handshake = message.get("method").and_then(Value::as_str) == Some("initialize");
    let Some(params) = object(message.get_mut("params")) else { return };
    if let Some(meta) = object(params.get_mut("_meta"))
        && let Some(given) = meta.get_mut(CLIENT_CAPABILITIES)
        && !are_capabilities(given)
    {
        *given = json!({});
    }
    object(params.get_mut("arguments"));
    if is_handshake {
        // No capability of a client is used.
        params.insert("capabilities".to_owned(), json!({}));
        let info = client_info(params.get("clientInfo"));
        params.insert("clientInfo".to_owned(), info);
    }
}

/// Whether these are capabilities in the form of the specification.
pub(super) fn are_capabilities(given: &Value) -> bool {
    ClientCapabilities::deserialize(given).is_ok()
}

/// `value` as an object: an empty list or string and null count as an empty one.
fn object(value: Option<&mut Value>) -> Option<&mut Map<String, Value>> {
    let value = value?;
    let is_empty = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    if is_empty {
        *value = json!({});
    }
    if let Value::String(text) = value
        && text.trim_start().starts_with('{')
        && json_limits::count(text.as_bytes()).is_ok()
        && let Ok(Value::Object(parsed)) = serde_json::from_str(text)
    {
        *value = Value::Object(parsed);
    }
    value.as_object_mut()
}

/// The name and version of a client, as far as it tells them.
fn client_info(given: Option<&Value>) -> Value {
    let text = |name: &str| given.and_then(|info| info.get(name)?.as_str()).unwrap_or_default();
    json!({ "name": text("name"), "version": text("version") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_consequence_is_put_right() {
        let call = |arguments: Value| json!({ "method": "tools/call", "params": { "name": "t", "arguments": arguments } });
        let list = |params: Value| json!({ "method": "tools/list", "params": params });
        let modern = |capabilities: Value| list(json!({ "_meta": { CLIENT_CAPABILITIES: capabilities } }));
        let handshake = |params: Value| json!({ "method": "initialize", "params": params });
        let usual = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "" } });
        let table = [
            (list(json!([])), list(json!({}))),
            (list(json!(null)), list(json!({}))),
            (list(json!([1])), list(json!([1]))),
            (list(json!({ "_meta": [] })), list(json!({ "_meta": {} }))),
            (call(json!([])), call(json!({}))),
            (call(json!("")), call(json!({}))),
            (call(json!("{\"a\":1}")), call(json!({ "a": 1 }))),
            (call(json!("a")), call(json!("a"))),
            (call(json!([1])), call(json!([1]))),
            (modern(json!({ "sampling": true })), modern(json!({}))),
            (modern(json!({ "sampling": {} })), modern(json!({ "sampling": {} }))),
            (
                handshake(json!({
                    "protocolVersion": "2025-06-18", "capabilities": { "sampling": true, "experimental": { "x": true } },
                    "clientInfo": { "name": "c", "icons": "none" },
                })),
                handshake(usual.clone()),
            ),
            (
                handshake(
                    json!({ "protocolVersion": "2025-06-18", "capabilities": [], "clientInfo": { "name": "c", "version": 1 } }),
                ),
                handshake(usual),
            ),
        ];
        for (mut given, expected) in table {
            let before = given.to_string();
            repair(&mut given);
            assert_eq!(given, expected, "{before}");
        }
    }
}
