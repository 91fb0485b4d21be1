//! Access control by a request's head: the Host header, the Origin, and where the token is.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::error::HttpError;
use crate::config::{Authority, HttpConfig, WebOrigin};

/// Checks where a request comes from and where it was sent to.
///
/// # Errors
/// The response to send.
pub(super) fn check(config: &HttpConfig, head: &Parts) -> Result<(), HttpError> {
    check_host(config, head)?;
    check_origin(config, &head.headers)
}

/// The token that a request shows; `None` if it shows something else.
///
/// # Errors
/// The response to a request that shows nothing, or two things.
pub(super) fn shown_token(headers: &HeaderMap) -> Result<Option<&[u8]>, HttpError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let shown = values.next().ok_or_else(HttpError::token_missing)?;
    if values.next().is_some() {
        return Err(HttpError::token_twice());
    }
    Ok(bearer(shown.as_bytes()))
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
