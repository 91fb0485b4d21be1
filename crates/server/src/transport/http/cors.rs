//! What browsers ask before a web page may call (CORS), answered for the allowed origins.

use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, AllowPrivateNetwork, CorsLayer};

use crate::config::{HttpConfig, WebOrigin};

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// How long a browser may keep an answer.
const MAX_AGE: Duration = Duration::from_hours(2);

/// Answers preflights, and tells a page what it may read of a response.
///
/// A page of another origin gets no permission; the request itself is refused by `access`. Any header may be sent: what is
/// accepted is checked with the request.
pub(super) fn layer(config: &HttpConfig) -> CorsLayer {
    let config = config.clone();
    let is_allowed = move |origin: &HeaderValue, _: &Parts| {
        let origin = origin.to_str().ok().and_then(WebOrigin::parse);
        origin.is_some_and(|origin| config.allows_origin(&origin))
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_methods([Method::GET, Method::POST, Method::DELETE, Method::OPTIONS])
        .allow_headers(AllowHeaders::mirror_request())
        .allow_private_network(AllowPrivateNetwork::yes())
        .expose_headers([SESSION_ID, PROTOCOL_VERSION, header::WWW_AUTHENTICATE])
        .max_age(MAX_AGE)
}
