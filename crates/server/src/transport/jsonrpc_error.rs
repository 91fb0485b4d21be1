//! JSON-RPC errors for lines and bodies that are not messages, where rmcp would not answer.

use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, GetMeta as _, JsonRpcMessage, JsonRpcRequest, RequestId,
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::message_head::{MAX_ID, MessageHead, MessageId};
use super::params;
use super::params_shape::ParamsShape;
use crate::json_limits;
use crate::mcp;

const PARSE_ERROR: i32 = -32700;
pub(super) const INVALID_REQUEST: i32 = -32600;
const INVALID_PARAMS: i32 = -32602;
/// JSON-RPC 2.0, section 5.1: a server error.
pub(super) const SERVER_ERROR: i32 = -32000;
pub(super) const NO_MEMORY: &str = "the server holds more memory than SMTP_MCP_MEMORY_LIMIT allows and did nothing with this request; \
    try again in a moment, or attach files by path";
const NO_BATCHES: &str = "Invalid request: batches are not supported, send one message at a time";
const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// An error response to a line. It quotes only the id of the line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JsonRpcError {
    id: Value,
    code: i32,
    message: String,
}

/// What stdio and HTTP answer to a message by themselves, if they do: the lines of their error responses.
pub fn own_errors(message: &[u8]) -> [Option<String>; 2] {
    let (stdio, http) = (read(message).err(), examine(message).err());
    [stdio, http].map(|error| error.map(|error| error.to_line()))
}

/// Parses only the head of one message, and tells how much memory it takes: the message itself is parsed once, by
/// rmcp.
///
/// # Errors
/// The error response, if it is certainly not a message.
pub(super) fn examine(body: &[u8]) -> Result<(MessageHead<ParamsShape>, usize), JsonRpcError> {
    let head = serde_json::from_slice(body);
    if let Some(error) = head.as_ref().err().and_then(|error| syntax_error(body, error)) {
        return Err(error);
    }
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(JsonRpcError::anonymous(INVALID_REQUEST, NO_BATCHES));
    }
    let head: MessageHead<ParamsShape> = head.map_err(|_| JsonRpcError::no_message(Value::Null))?;
    if head.id == MessageId::TooLong {
        return Err(JsonRpcError::id_too_long());
    }
    match json_limits::count(body) {
        Ok(_) if head.params.is_odd => Ok((head, json_limits::memory(body, json_limits::MAX_VALUES))),
        Ok(values) => Ok((head, json_limits::memory(body, values))),
        Err(_) => Err(JsonRpcError::too_many_values(head.id.into_value())),
    }
}

/// Parses one line, and tells how much memory its message takes. `None`: there is nothing to do for it.
///
/// # Errors
/// The error response to the line.
pub(super) fn read(line: &[u8]) -> Result<Option<(ClientJsonRpcMessage, usize)>, JsonRpcError> {
    let line = line.strip_prefix(UTF8_BOM).unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    let Ok(values) = json_limits::count(line) else {
        return refused(head_of(line), JsonRpcError::too_many_values);
    };
    let message = match serde_json::from_slice(line) {
        Ok(message) if !params::is_odd(&message) => return taken(message, json_limits::memory(line, values)),
        Ok(message) => repaired(line).unwrap_or(message),
        Err(error) => match repaired(line) {
            Some(message) => message,
            None => return explain(line, &error),
        },
    };
    // What was put right may have held JSON in a string, whose values were not counted.
    taken(message, json_limits::memory(line, json_limits::MAX_VALUES))
}

fn taken(
    message: ClientJsonRpcMessage,
    memory: usize,
) -> Result<Option<(ClientJsonRpcMessage, usize)>, JsonRpcError> {
    match &message {
        JsonRpcMessage::Request(request) if is_too_long(&request.id) => Err(JsonRpcError::id_too_long()),
        _ => Ok(Some((message, memory))),
    }
}

/// The message with its params put right.
pub(super) fn repaired(message: &[u8]) -> Option<ClientJsonRpcMessage> {
    serde_json::from_value(repaired_value(message)?).ok()
}

/// The same as JSON.
pub(super) fn repaired_value(message: &[u8]) -> Option<Value> {
    let mut value = serde_json::from_slice(message).ok()?;
    params::repair(&mut value);
    Some(value)
}

fn is_too_long(id: &RequestId) -> bool {
    matches!(id, RequestId::String(id) if id.len() > MAX_ID)
}

fn explain<T>(line: &[u8], error: &serde_json::Error) -> Result<Option<T>, JsonRpcError> {
    if let Some(error) = syntax_error(line, error) {
        return Err(JsonRpcError { id: head_of(line).id.into_value(), ..error });
    }
    if line.starts_with(b"[") {
        return Err(JsonRpcError::anonymous(INVALID_REQUEST, NO_BATCHES));
    }
    refused(head_of(line), JsonRpcError::no_message)
}

/// The error response to what is not JSON.
fn syntax_error(json: &[u8], error: &serde_json::Error) -> Option<JsonRpcError> {
    // A type error is found before the whole text was read: the rest may still be invalid.
    let whole = serde_json::from_slice::<IgnoredAny>(json).err();
    let error = whole.as_ref().unwrap_or(error);
    let is_syntax = error.is_syntax() || error.is_eof();
    is_syntax.then(|| JsonRpcError::anonymous(PARSE_ERROR, format!("Parse error: {error}")))
}

/// The error response, unless the message is one that is never answered.
fn refused<T>(head: MessageHead, error: fn(Value) -> JsonRpcError) -> Result<Option<T>, JsonRpcError> {
    if head.is_answered() { Err(error(head.id.into_value())) } else { Ok(None) }
}

/// The head of a line that is not a message of MCP. The error is often deep within the arguments (a number out of range,
/// half a surrogate pair, too much nesting), and a client that gets no answer to its id waits for it.
fn head_of(line: &[u8]) -> MessageHead {
    serde_json::from_slice(line).unwrap_or_default()
}

impl JsonRpcError {
    /// The response to a message that was skipped because it is longer than `limit` bytes.
    pub(super) fn too_long(limit: usize) -> Self {
        let message = format!(
            "Invalid request: a request is limited to {} MiB; send less, or attach files by path",
            limit >> 20
        );
        Self::anonymous(INVALID_REQUEST, message)
    }

    /// The response to a message that would take far more memory than its size.
    fn too_many_values(id: Value) -> Self {
        let message =
            format!("Invalid request: a request is limited to {} JSON values", json_limits::MAX_VALUES);
        Self::about(id, INVALID_REQUEST, message)
    }

    /// The response to a request for which there is no memory.
    pub(super) fn no_memory(id: Value) -> Self {
        Self::about(id, SERVER_ERROR, NO_MEMORY)
    }

    /// The response to a request whose id is already in flight. With that id it would be taken for the other's response.
    pub(super) fn repeated() -> Self {
        let message =
            "Invalid request: a request with the same id is still in progress; this one was not processed";
        Self::anonymous(INVALID_REQUEST, message)
    }

    /// The response to a request whose id is too long to be repeated.
    fn id_too_long() -> Self {
        Self::anonymous(INVALID_REQUEST, format!("Invalid request: an id is limited to {MAX_ID} bytes"))
    }

    /// The response to a handshake that cannot be understood, which rmcp would take for another request. `None`: it is not one.
    pub(super) fn of_handshake(request: &JsonRpcRequest<ClientRequest>) -> Option<Self> {
        let ClientRequest::CustomRequest(custom) = &request.request else { return None };
        // A request that carries everything itself is of the version without a handshake.
        let is_handshake =
            custom.method == "initialize" && request.request.get_meta().protocol_version().is_none();
        let problem =
            is_handshake.then(|| mcp::params::problem(&custom.method, custom.params.as_ref()))??;
        Some(Self::about(request.id.clone().into_json_value(), INVALID_PARAMS, problem))
    }

    /// The response to JSON that is not a message, with its id if it has a valid one.
    pub(super) fn no_message(id: Value) -> Self {
        Self::about(id, INVALID_REQUEST, "Invalid request: not a JSON-RPC 2.0 message of MCP")
    }

    /// A response to the request `id`.
    pub(super) fn about(id: Value, code: i32, message: impl Into<String>) -> Self {
        Self { id, code, message: message.into() }
    }

    fn anonymous(code: i32, message: impl Into<String>) -> Self {
        Self::about(Value::Null, code, message)
    }

    /// What is wrong; it quotes nothing.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// As a line of JSON.
    pub(super) fn to_line(&self) -> String {
        let error = json!({ "code": self.code, "message": self.message });
        format!("{}\n", json!({ "jsonrpc": "2.0", "id": self.id, "error": error }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_examined_by_its_envelope() {
        type Seen = Result<(Value, Option<&'static str>), i32>;
        let many = format!(r#"{{"id":7,"params":[{}0]}}"#, "0,".repeat(json_limits::MAX_VALUES));
        let long = format!(r#"{{"id":"{}","method":"ping"}}"#, "x".repeat(MAX_ID + 1));
        let table: [(&str, Seen); 12] = [
            (&long, Err(INVALID_REQUEST)),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[1]}}"#, Ok((json!(1), Some("ping")))),
            (r#" {"id":"x"} "#, Ok((json!("x"), None))),
            (r#"{"method":5}"#, Ok((Value::Null, None))),
            ("", Err(PARSE_ERROR)),
            ("x", Err(PARSE_ERROR)),
            (r#"{"id":1"#, Err(PARSE_ERROR)),
            (r#"{"id":1} {"id":2}"#, Err(PARSE_ERROR)),
            (r#"0","id":1}"#, Err(PARSE_ERROR)),
            (r#" [1,"ping"]"#, Err(INVALID_REQUEST)),
            ("5", Err(INVALID_REQUEST)),
            (&many, Err(INVALID_REQUEST)),
        ];
        for (body, expected) in table {
            let found = examine(body.as_bytes());
            let method = found.as_ref().ok().and_then(|(head, _)| head.method()).map(str::to_owned);
            let found = found.map(|(head, _)| (head.id.into_value(), method)).map_err(|error| error.code);
            assert_eq!(found, expected.map(|(id, method)| (id, method.map(str::to_owned))), "{body}");
        }
    }

    #[test]
    fn what_is_no_message_is_answered_unless_it_is_a_notification() {
        let deep = format!(r#"{{"id":"d","params":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
        let many = format!(r#"{{"params":[{}0],"id":7}}"#, "0,".repeat(json_limits::MAX_VALUES));
        let long = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(MAX_ID + 1));
        let odd = long.replace("\"ping\"", "\"ping\",\"params\":[]");
        let table: [(&str, Option<(i32, Value)>); 19] = [
            (&long, Some((INVALID_REQUEST, Value::Null))),
            (&odd, Some((INVALID_REQUEST, Value::Null))),
            ("", None),
            ("  \r", None),
            ("\u{FEFF}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r", None),
            (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, None),
            (r#"{"jsonrpc":"2.0","method":"$/setTrace","params":[1]}"#, None),
            ("not json", Some((PARSE_ERROR, Value::Null))),
            (r#"{"jsonrpc":"2.0","id":1,"#, Some((PARSE_ERROR, Value::Null))),
            (r#"{"a":1}}"#, Some((PARSE_ERROR, Value::Null))),
            ("{\"a\":\"\\ud800\"}", Some((PARSE_ERROR, Value::Null))),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, Some((INVALID_REQUEST, Value::Null))),
            (r#"{"id":7,"params":{"a":1e400}}"#, Some((INVALID_REQUEST, json!(7)))),
            ("{\"params\":\"\\ud800\",\"id\":\"s\"}", Some((PARSE_ERROR, json!("s")))),
            (&deep, Some((PARSE_ERROR, json!("d")))),
            (&many, Some((INVALID_REQUEST, json!(7)))),
            (r#"{"foo":"bar"}"#, Some((INVALID_REQUEST, Value::Null))),
            (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, Some((INVALID_REQUEST, json!(7)))),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, Some((INVALID_REQUEST, Value::Null))),
        ];
        for (line, expected) in table {
            let error = read(line.as_bytes()).err().map(|error| (error.code, error.id));
            assert_eq!(error, expected, "{line}");
        }
    }
}
