//! `GET /health`: whether the program serves, and how many of its servers are usable. No names, no addresses: it needs no token.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::handler::HttpHandler;

/// 200 as long as the program serves: a mail server that is down is no reason to restart it. Uses no network.
pub(super) async fn report(State(handler): State<Arc<HttpHandler>>) -> Response {
    let status = handler.server.status();
    let body = json!({
        "status": status.readiness(),
        "version": env!("CARGO_PKG_VERSION"),
        "servers": { "total": status.total_servers, "usable": status.available_servers },
    });
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, format!("{body}\n")).into_response()
}
