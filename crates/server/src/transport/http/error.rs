//! Error responses that rmcp does not give, or not with advice: a status, and a JSON-RPC error that says what to do.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::budget::SMALL;
use crate::transport::jsonrpc_error::{INVALID_REQUEST, JsonRpcError, NO_MEMORY, SERVER_ERROR};

/// An error response to a request that is not passed to rmcp.
#[derive(Debug)]
pub(super) struct HttpError {
    status: StatusCode,
    error: JsonRpcError,
    challenge: Option<&'static str>,
    retry_after: Option<u64>,
}

impl HttpError {
    fn new(status: StatusCode, code: i32, words: impl Into<Cow<'static, str>>) -> Self {
        Self::with(status, JsonRpcError::about(Value::Null, code, words.into()))
    }

    fn with(status: StatusCode, error: JsonRpcError) -> Self {
        Self { status, error, challenge: None, retry_after: None }
    }

    /// No Host header, or an invalid one.
    pub(super) fn host_missing() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            INVALID_REQUEST,
            "the request must have exactly one valid Host header",
        )
    }

    /// A Host header that is not allowed: perhaps DNS rebinding.
    pub(super) fn host() -> Self {
        let words = "this Host header is not allowed; if the name is yours, add it to SMTP_MCP_ALLOWED_HOSTS";
        Self::new(StatusCode::FORBIDDEN, SERVER_ERROR, words)
    }

    /// An Origin that is not allowed.
    pub(super) fn origin() -> Self {
        let words =
            "web pages of this Origin are not allowed; if it is yours, add it to SMTP_MCP_ALLOWED_ORIGINS";
        Self::new(StatusCode::FORBIDDEN, SERVER_ERROR, words)
    }

    /// No token (RFC 6750, section 3.1: then without an error code).
    pub(super) fn token_missing() -> Self {
        let words = "a token is required: send the value of SMTP_MCP_HTTP_TOKEN as the header `Authorization: Bearer …`";
        Self {
            challenge: Some("Bearer realm=\"smtp-mcp-server\""),
            ..Self::new(StatusCode::UNAUTHORIZED, SERVER_ERROR, words)
        }
    }

    /// Two tokens: a proxy might have looked at the other one.
    pub(super) fn token_twice() -> Self {
        let words = "Invalid request: it has more than one Authorization header";
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, words)
    }

    /// A wrong token.
    pub(super) fn token_wrong() -> Self {
        let words =
            "the token is wrong: the Authorization header must carry the value of SMTP_MCP_HTTP_TOKEN";
        Self {
            challenge: Some("Bearer realm=\"smtp-mcp-server\", error=\"invalid_token\""),
            ..Self::new(StatusCode::UNAUTHORIZED, SERVER_ERROR, words)
        }
    }

    /// A Content-Type other than JSON.
    pub(super) fn media_type() -> Self {
        let words = "Invalid request: the Content-Type must be application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, words)
    }

    /// Longer than `limit` bytes.
    pub(super) fn too_long(limit: usize) -> Self {
        Self::with(StatusCode::PAYLOAD_TOO_LARGE, JsonRpcError::too_long(limit))
    }

    /// An initialize request that is too long: none needs as much.
    pub(super) fn handshake_too_long() -> Self {
        let words = format!("Invalid request: initialize is limited to {} KiB", SMALL >> 10);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, words)
    }

    /// The body did not arrive in time.
    pub(super) fn too_slow(seconds: u64) -> Self {
        let words = format!("Invalid request: its body did not arrive within {seconds} s");
        Self::new(StatusCode::REQUEST_TIMEOUT, INVALID_REQUEST, words)
    }

    /// The body was cut off.
    pub(super) fn broken_off() -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, "Invalid request: its body ended early")
    }

    /// The body is not a message.
    pub(super) fn of(error: JsonRpcError) -> Self {
        Self::with(StatusCode::BAD_REQUEST, error)
    }

    /// The program is shutting down.
    pub(super) fn stopping() -> Self {
        let words = "the server is stopping and did nothing with this request; try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER_ERROR, words)
    }

    /// Too much was in flight for all of `wait`.
    pub(super) fn busy(wait: Duration) -> Self {
        let seconds = wait.as_secs().max(1);
        let words = format!(
            "the server is busy and did nothing with this request; try again in {seconds} s, or attach files by path"
        );
        let retry_after = Some(seconds);
        Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER_ERROR, words) }
    }

    /// The process holds too much memory.
    pub(super) fn no_memory() -> Self {
        let retry_after = Some(1);
        Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER_ERROR, NO_MEMORY) }
    }

    /// All regular places for connections are taken, or all that the client's address may have.
    fn too_many_connections() -> Self {
        let words = "too many connections are open, and the server did nothing with this request; try again in a moment. \
            If many clients come through one proxy, raise SMTP_MCP_CONNECTIONS_PER_ADDRESS";
        let retry_after = Some(1);
        Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER_ERROR, words) }
    }
}

/// For the log: what is wrong, without the request's id, in which a client may put anything.
impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.error.message())
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let challenge = self.challenge.map(|challenge| [(header::WWW_AUTHENTICATE, challenge)]);
        let retry_after = self.retry_after.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
        (self.status, json, challenge, retry_after, self.error.to_line()).into_response()
    }
}

const HOW_TO_CONNECT: &str = "This is an MCP server: give this URL to an MCP client as a streamable HTTP server; it will POST here \
    and accept application/json and text/event-stream.\n";

/// The response to a browser.
pub(super) fn how_to_connect() -> Response {
    (StatusCode::NOT_ACCEPTABLE, HOW_TO_CONNECT).into_response()
}

/// The response to all but health on a reserved connection.
pub(super) async fn too_many_connections() -> Response {
    HttpError::too_many_connections().into_response()
}

/// No such path.
pub(super) async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "Nothing here: MCP clients connect to /mcp, health checks to /health.\n")
        .into_response()
}
