//! Access control: the Host header, the Origin, and the token.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::error::HttpError;
use crate::config::{Authority, HttpConfig, WebOrigin};

/// Checks a request by its head.
///
/// # Errors
/// The response to send.
pub(super) fn check(config: &HttpConfig, head: &Parts) -> Result<(), HttpError> {
    check_host(config, head)?;
    check_origin(config, &head.headers)?;
    check_token(config, &head.headers)
}

/// Without this, a web page could point a host name of its own at our address and call us as same-origin (DNS rebinding).
fn check_host(config: &HttpConfig, head: &Parts) -> Result<(), HttpError> {
    let host =
        only(&head.headers, header::HOST).and_then(Authority::parse).ok_or_else(HttpError::host_missing)?;
    // A target in absolute form takes precedence over the header (RFC 9112, section 3.2.2), so it is checked, too.
    let target = head.uri.authority().map(|authority| Authority::parse(authority.as_str()));
    let is_target_fine = target.is_none_or(|target| target.is_some_and(|target| config.allows_host(&target)));
    if config.allows_host(&host) && is_target_fine { Ok(()) } else { Err(HttpError::host()) }
}

/// Only web pages send an Origin.
fn check_origin(config: &HttpConfig, headers: &HeaderMap) -> Result<(), HttpError> {
    if !headers.contains_key(header::ORIGIN) {
        return Ok(());
    }
    let origin = only(headers, header::ORIGIN).and_then(WebOrigin::parse);
    if origin.is_some_and(|origin| config.allows_origin(&origin)) { Ok(()) } else { Err(HttpError::origin()) }
}

fn check_token(config: &HttpConfig, headers: &HeaderMap) -> Result<(), HttpError> {
    let Some(token) = config.token() else {
        return Ok(());
    };
    let Some(shown) = headers.get(header::AUTHORIZATION) else {
        return Err(HttpError::token_missing());
    };
    let is_right = bearer(shown.as_bytes()).is_some_and(|shown| token.is(shown));
    if is_right { Ok(()) } else { Err(HttpError::token_wrong()) }
}

/// The token after `Bearer`, in any case (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_ascii())
}

/// The value of a header that occurs exactly once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
