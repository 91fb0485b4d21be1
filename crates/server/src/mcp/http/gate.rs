//! Whose requests are heard: those that name this program, come from no foreign web page, and show the token.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::refusal::Refusal;
use crate::config::{Authority, HttpConfig, WebOrigin};

/// Judges a request by its head.
///
/// # Errors
/// With the answer that it gets.
pub(super) fn judge(config: &HttpConfig, head: &Parts) -> Result<(), Refusal> {
    judge_host(config, head)?;
    judge_origin(config, &head.headers)?;
    judge_token(config, &head.headers)
}

/// Without this, a web page could give a name of its own our address and speak to us as to itself (DNS rebinding).
fn judge_host(config: &HttpConfig, head: &Parts) -> Result<(), Refusal> {
    let host =
        only(&head.headers, header::HOST).and_then(Authority::parse).ok_or_else(Refusal::host_missing)?;
    // A target in absolute form outweighs the header (RFC 9112, section 3.2.2), so it must be as good.
    let target = head.uri.authority().map(|authority| Authority::parse(authority.as_str()));
    let is_target_fine = target.is_none_or(|target| target.is_some_and(|target| config.allows_host(&target)));
    if config.allows_host(&host) && is_target_fine { Ok(()) } else { Err(Refusal::host()) }
}

/// What is no web page has no origin.
fn judge_origin(config: &HttpConfig, headers: &HeaderMap) -> Result<(), Refusal> {
    if !headers.contains_key(header::ORIGIN) {
        return Ok(());
    }
    let origin = only(headers, header::ORIGIN).and_then(WebOrigin::parse);
    if origin.is_some_and(|origin| config.allows_origin(&origin)) { Ok(()) } else { Err(Refusal::origin()) }
}

fn judge_token(config: &HttpConfig, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(token) = &config.token else {
        return Ok(());
    };
    let Some(shown) = headers.get(header::AUTHORIZATION) else {
        return Err(Refusal::token_missing());
    };
    let is_it = bearer(shown.as_bytes()).is_some_and(|shown| token.is(shown));
    if is_it { Ok(()) } else { Err(Refusal::token_wrong()) }
}

/// What stands behind `Bearer`, in any case (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_ascii())
}

/// The value of a header that stands there once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
