//! The answers that rmcp does not give, or not in words to act on: a status, and a JSON-RPC error that says what to do.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::mcp::complaint::{Complaint, INVALID_REQUEST};
use crate::mcp::load::SMALL;

/// JSON-RPC 2.0, section 5.1: for errors of the server's own kinds.
const REFUSED: i32 = -32000;

/// A request that rmcp shall not see, or could not read.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    complaint: Complaint,
    challenge: Option<&'static str>,
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, code: i32, words: impl Into<Cow<'static, str>>) -> Self {
        Self::with(status, Complaint::about(Value::Null, code, words.into()))
    }

    fn with(status: StatusCode, complaint: Complaint) -> Self {
        Self { status, complaint, challenge: None, retry_after: None }
    }

    /// No Host header, or one that cannot be read.
    pub(super) fn host_missing() -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, "the request needs one valid Host header")
    }

    /// Perhaps a web page that makes a name of its own point here (DNS rebinding).
    pub(super) fn host() -> Self {
        let words = "this Host header is not allowed; if the name is yours, add it to SMTP_MCP_ALLOWED_HOSTS";
        Self::new(StatusCode::FORBIDDEN, REFUSED, words)
    }

    /// A web page of somebody else.
    pub(super) fn origin() -> Self {
        let words =
            "web pages of this Origin may not call; if it is yours, add it to SMTP_MCP_ALLOWED_ORIGINS";
        Self::new(StatusCode::FORBIDDEN, REFUSED, words)
    }

    /// No token (RFC 6750, section 3.1: then without an error code).
    pub(super) fn token_missing() -> Self {
        let words = "a token is needed: send the value of SMTP_MCP_HTTP_TOKEN as `Authorization: Bearer …`";
        Self {
            challenge: Some("Bearer realm=\"smtp-mcp-server\""),
            ..Self::new(StatusCode::UNAUTHORIZED, REFUSED, words)
        }
    }

    /// Another token.
    pub(super) fn token_wrong() -> Self {
        let words = "the token is not that of this server (SMTP_MCP_HTTP_TOKEN)";
        Self {
            challenge: Some("Bearer realm=\"smtp-mcp-server\", error=\"invalid_token\""),
            ..Self::new(StatusCode::UNAUTHORIZED, REFUSED, words)
        }
    }

    /// No JSON by its own account.
    pub(super) fn media_type() -> Self {
        let words = "Invalid request: the Content-Type must be application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, words)
    }

    /// Longer than `limit` bytes.
    pub(super) fn too_long(limit: usize) -> Self {
        Self::with(StatusCode::PAYLOAD_TOO_LARGE, Complaint::too_long(limit))
    }

    /// A session would keep it for hours.
    pub(super) fn handshake_too_long() -> Self {
        let words = format!("Invalid request: initialize may have {} KiB", SMALL >> 10);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, words)
    }

    /// The body did not come in time.
    pub(super) fn too_slow(seconds: u64) -> Self {
        let words = format!("Invalid request: its body did not come within {seconds} s");
        Self::new(StatusCode::REQUEST_TIMEOUT, INVALID_REQUEST, words)
    }

    /// The body broke off.
    pub(super) fn broken_off() -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, "Invalid request: its body broke off")
    }

    /// The body is no message.
    pub(super) fn of(complaint: Complaint) -> Self {
        Self::with(StatusCode::BAD_REQUEST, complaint)
    }

    /// The program is about to end.
    pub(super) fn stopping() -> Self {
        let words = "the server is stopping and did nothing with this request; try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, REFUSED, words)
    }

    /// Too much was under way for all of `wait`.
    pub(super) fn busy(wait: Duration) -> Self {
        let seconds = wait.as_secs().max(1);
        let words = format!(
            "too much is under way, and nothing was done with this request; try again in {seconds} s, or attach files by path"
        );
        let retry_after = Some(seconds);
        Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, REFUSED, words) }
    }

    /// Clients begin sessions without ending them.
    pub(super) fn too_many_sessions() -> Self {
        let words = "too many sessions are open; end some with DELETE, or speak the protocol of 2026-07-28, which has none";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, REFUSED, words)
    }
}

/// For the log: what is wrong, and not the request's id, in which a client may put anything.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.complaint.message())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let challenge = self.challenge.map(|challenge| [(header::WWW_AUTHENTICATE, challenge)]);
        let retry_after = self.retry_after.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
        (self.status, json, challenge, retry_after, self.complaint.to_line()).into_response()
    }
}

const HOW_TO_CONNECT: &str = "This is an MCP server: give this URL to an MCP client as a streamable HTTP server; it will POST here \
    and accept application/json and text/event-stream.\n";

/// Somebody looks at the URL with a browser.
pub(super) fn how_to_connect() -> Response {
    (StatusCode::NOT_ACCEPTABLE, HOW_TO_CONNECT).into_response()
}

/// No such place.
pub(super) async fn nothing_here() -> Response {
    (StatusCode::NOT_FOUND, "Nothing is here: MCP clients connect to /mcp, probes to /health.\n")
        .into_response()
}
