//! The paths at which clients look for OAuth after a 401.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::handler::HttpHandler;

/// There is none. In the form of OAuth's errors (RFC 6749, section 5.2), because clients print their description.
pub(super) async fn report(State(handler): State<Arc<HttpHandler>>) -> Response {
    let words = match handler.config.token() {
        Some(_) => {
            "this server has no OAuth sign-in: send the value of SMTP_MCP_HTTP_TOKEN as the header `Authorization: Bearer …`, with \
             mcp-remote by --header \"Authorization: Bearer …\""
        }
        None => "this server has no OAuth sign-in and needs no token: connect to /mcp",
    };
    let json = [(header::CONTENT_TYPE, "application/json")];
    let body = json!({ "error": "invalid_request", "error_description": words });
    (StatusCode::NOT_FOUND, json, body.to_string()).into_response()
}
