//! `GET /health`: whether the program serves, and how many of its servers are usable. No names, no addresses: everybody may ask.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::desk::Desk;
use crate::mcp::shown::readiness;

/// 200 as long as the program serves: a mail server that is down is no reason to restart it. Touches no network.
pub(super) async fn tell(State(desk): State<Arc<Desk>>) -> Response {
    let status = desk.server.dispatch().status();
    let body = json!({
        "status": readiness(&status),
        "version": env!("CARGO_PKG_VERSION"),
        "servers": { "total": status.servers.len(), "usable": status.usable() },
    });
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, format!("{body}\n")).into_response()
}
