//! JSON-RPC errors for lines and bodies that are not messages, where rmcp would not answer.

use rmcp::model::ClientJsonRpcMessage;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::json_limits;

const PARSE_ERROR: i32 = -32700;
pub(super) const INVALID_REQUEST: i32 = -32600;
const NO_BATCHES: &str = "Invalid request: batches are not supported, send one message at a time";
const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// An error response to a line. It quotes only the id of the line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JsonRpcError {
    id: Value,
    code: i32,
    message: String,
}

/// The id and method of a message: enough to answer it and to say what is wrong.
#[derive(Deserialize)]
pub(super) struct MessageHead {
    #[serde(default)]
    pub(super) id: Value,
    #[serde(default, deserialize_with = "text")]
    pub(super) method: Option<String>,
}

/// A method that is not a string is reported by whoever parses the whole message.
fn text<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(value)?;
    Ok(value.as_str().map(str::to_owned))
}

/// Parses only the id and method of one message: the message itself is parsed once, by rmcp.
///
/// # Errors
/// The error response, if it is certainly not a message.
pub(super) fn examine(body: &[u8]) -> Result<MessageHead, JsonRpcError> {
    let head_ = serde_json::from_slice(body);
    if let Err(error) = &head_
        && (error.is_syntax() || error.is_eof())
    {
        return Err(JsonRpcError::anonymous(PARSE_ERROR, format!("Parse error: {error}")));
    }
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(JsonRpcError::anonymous(INVALID_REQUEST, NO_BATCHES));
    }
    let head_: MessageHead = head_.map_err(|_| JsonRpcError::no_message(Value::Null))?;
    if json_limits::exceeds_max_values(body) {
        Err(JsonRpcError::too_many_values(head_.id))
    } else {
        Ok(head_)
    }
}

/// Parses one line. `None`: there is nothing to do for it.
///
/// # Errors
/// The error response to the line.
pub(super) fn read(line: &[u8]) -> Result<Option<ClientJsonRpcMessage>, JsonRpcError> {
    let line = line.strip_prefix(UTF8_BOM).unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    if json_limits::exceeds_max_values(line) {
        return Err(JsonRpcError::too_many_values(id_of(line)));
    }
    match serde_json::from_slice(line) {
        Ok(message) => Ok(Some(message)),
        Err(error) => explain(line, &error),
    }
}

fn explain(line: &[u8], error: &serde_json::Error) -> Result<Option<ClientJsonRpcMessage>, JsonRpcError> {
    // A type error is found before the whole line was read: the rest may still be invalid JSON.
    let whole = serde_json::from_slice::<IgnoredAny>(line).err();
    if let Some(error) = whole.as_ref().or(Some(error)).filter(|error| error.is_syntax() || error.is_eof()) {
        let error = JsonRpcError::anonymous(PARSE_ERROR, format!("Parse error: {error}"));
        return Err(JsonRpcError { id: id_of(line), ..error });
    }
    if line.starts_with(b"[") {
        return Err(JsonRpcError::anonymous(INVALID_REQUEST, NO_BATCHES));
    }
    match serde_json::from_slice(line) {
        // A notification is never answered.
        Ok(MessageHead { id: Value::Null, method: Some(_) }) => Ok(None),
        _ => Err(JsonRpcError::no_message(id_of(line))),
    }
}

/// The id, if the line has a valid one. The error is often deep within the arguments (a number out of range,
/// half a surrogate pair, too much nesting), and a client that gets no answer to its id waits for it.
fn id_of(line: &[u8]) -> Value {
    match serde_json::from_slice(line) {
        Ok(MessageHead { id, .. }) if is_id(&id) => id,
        _ => Value::Null,
    }
}

fn is_id(value: &Value) -> bool {
    value.is_string() || value.is_i64() || value.is_u64()
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
        let id = if is_id(&id) { id } else { Value::Null };
        let message =
            format!("Invalid request: a request is limited to {} JSON values", json_limits::MAX_VALUES);
        Self::about(id, INVALID_REQUEST, message)
    }

    /// The response to a request whose id is already in flight. With that id it would be taken for the other's response.
    pub(super) fn repeated() -> Self {
        let message =
            "Invalid request: a request with the same id is still in progress; this one was not processed";
        Self::anonymous(INVALID_REQUEST, message)
    }

    /// The response to JSON that is not a message; `id` is repeated if it is a valid one.
    pub(super) fn no_message(id: Value) -> Self {
        let id = if is_id(&id) { id } else { Value::Null };
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
        let table: [(&str, Seen); 10] = [
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[1]}}"#, Ok((json!(1), Some("ping")))),
            (r#" {"id":"x"} "#, Ok((json!("x"), None))),
            (r#"{"method":5}"#, Ok((Value::Null, None))),
            ("", Err(PARSE_ERROR)),
            ("x", Err(PARSE_ERROR)),
            (r#"{"id":1"#, Err(PARSE_ERROR)),
            (r#"{"id":1} {"id":2}"#, Err(PARSE_ERROR)),
            (r#" [1,"ping"]"#, Err(INVALID_REQUEST)),
            ("5", Err(INVALID_REQUEST)),
            (&many, Err(INVALID_REQUEST)),
        ];
        for (body, expected) in table {
            let found = examine(body.as_bytes());
            let found = found.map(|found| (found.id, found.method)).map_err(|error| error.code);
            assert_eq!(found, expected.map(|(id, method)| (id, method.map(str::to_owned))), "{body}");
        }
    }

    #[test]
    fn what_is_no_message_is_answered_unless_it_is_a_notification() {
        let deep = format!(r#"{{"id":"d","params":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
        let many = format!(r#"{{"params":[{}0],"id":7}}"#, "0,".repeat(json_limits::MAX_VALUES));
        let table: [(&str, Option<(i32, Value)>); 17] = [
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
            (r#"{"id":7,"params":{"a":1e400}}"#, Some((PARSE_ERROR, json!(7)))),
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
