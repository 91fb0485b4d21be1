//! What is kept of a client's handshake: rmcp holds it as long as the session, which may be hours.

use rmcp::model::{
    ClientCapabilities, ClientJsonRpcMessage, ClientRequest, Extensions, Implementation,
    InitializeRequestParams, JsonRpcMessage,
};

/// The longest name and version of a client that is kept, in characters.
const MAX_NAME: usize = 100;

/// Keeps of a handshake what is used: the version of the protocol, and which client it is.
pub(super) fn reduce(message: &mut ClientJsonRpcMessage) {
    if let JsonRpcMessage::Request(request) = message
        && let ClientRequest::InitializeRequest(initialize) = &mut request.request
    {
        let InitializeRequestParams { protocol_version, client_info, .. } = &initialize.params;
        let client = Implementation::new(beginning(&client_info.name), beginning(&client_info.version));
        initialize.params = InitializeRequestParams::new(ClientCapabilities::default(), client)
            .with_protocol_version(protocol_version.clone());
        initialize.extensions = Extensions::default();
    }
}

fn beginning(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_version_and_the_client_are_kept() {
        let handshake =
            |params: Value| json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
        let sent = handshake(json!({
            "protocolVersion": "2025-11-25", "_meta": { "a": { "b": [1] } },
            "capabilities": { "sampling": {}, "experimental": { "x": { "y": 1 } } },
            "clientInfo": { "name": "é".repeat(200), "version": "1", "title": "t", "icons": [{ "src": "data:," }] },
        }));
        let kept = handshake(json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "é".repeat(100), "version": "1" },
        }));
        let mut message = serde_json::from_value(sent).unwrap();
        reduce(&mut message);
        assert_eq!(serde_json::to_value(message).unwrap(), kept);
    }
}
