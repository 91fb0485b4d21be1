//! A request's body, within its size and its time.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::HttpLimits;
use super::refusal::Refusal;

/// Reads a body to its end.
///
/// One that is too long is read to its end as well, and thrown away: a client that is still writing would not see the answer.
///
/// # Errors
/// When it is too long, does not come in time, or breaks off.
pub(super) async fn read(head: &Parts, body: Body, limits: &HttpLimits) -> Result<Bytes, Refusal> {
    let announced = announced(&head.headers);
    if announced > limits.bytes && asks_first(&head.headers) {
        return Err(Refusal::too_long(limits.bytes));
    }
    let collecting = collect(body, announced, limits.bytes);
    timeout(limits.body, collecting).await.unwrap_or_else(|_| Err(Refusal::too_slow(limits.body.as_secs())))
}

async fn collect(mut body: Body, announced: usize, limit: usize) -> Result<Bytes, Refusal> {
    let mut collected = BytesMut::with_capacity(announced.min(limit));
    let mut is_too_long = announced > limit;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::broken_off())?.into_data() else {
            continue;
        };
        is_too_long |= collected.len() + data.len() > limit;
        if is_too_long {
            collected = BytesMut::new();
        } else {
            collected.extend_from_slice(&data);
        }
    }
    if is_too_long { Err(Refusal::too_long(limit)) } else { Ok(collected.freeze()) }
}

/// The announced length; 0 where there is none.
fn announced(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// Whether the client waits for a word before it sends the body (RFC 9110, section 10.1.1).
fn asks_first(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
