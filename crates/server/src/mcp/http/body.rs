//! A request's body, within its size and its time.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::HttpLimits;
use super::refusal::Refusal;
use crate::mcp::load::{Load, SMALL, Share};

/// Reads a body to its end, and takes the request's share of the load.
///
/// One that is too long, or has to be sent away, is read to its end as well, and thrown away: a client that is still writing
/// would not see the answer.
///
/// # Errors
/// When it is too long, does not come in time, breaks off, or too much is under way.
pub(super) async fn read(
    head: &Parts,
    body: Body,
    limits: &HttpLimits,
    load: &Load,
) -> Result<(Bytes, Share), Refusal> {
    let announced = announced(&head.headers);
    let kept = match share(announced, limits, load).await {
        Err(refusal) if asks_first(&head.headers) => return Err(refusal),
        kept => kept,
    };
    let bytes = BytesMut::with_capacity(if kept.is_ok() { announced } else { 0 });
    let whole = Reading { limits, load, bytes, is_announced: announced > 0, kept }.whole(body);
    timeout(limits.body, whole).await.unwrap_or_else(|_| Err(Refusal::too_slow(limits.body.as_secs())))
}

/// The share of a request of `bytes`, once there is one.
async fn share(bytes: usize, limits: &HttpLimits, load: &Load) -> Result<Share, Refusal> {
    if bytes > limits.bytes {
        return Err(Refusal::too_long(limits.bytes));
    }
    timeout(limits.wait, load.share(bytes)).await.map_err(|_| Refusal::busy(limits.wait))
}

/// A body as far as it came.
struct Reading<'a> {
    limits: &'a HttpLimits,
    load: &'a Load,
    bytes: BytesMut,
    /// Its share is for all of it.
    is_announced: bool,
    /// As long as this is a share, the bytes are kept.
    kept: Result<Share, Refusal>,
}

impl Reading<'_> {
    async fn whole(mut self, mut body: Body) -> Result<(Bytes, Share), Refusal> {
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(|_| Refusal::broken_off())?.into_data() {
                self.add(&data).await;
            }
        }
        let length = self.bytes.len();
        self.kept.map(|share| (self.bytes.freeze(), share.no_more_than(length)))
    }

    async fn add(&mut self, data: &[u8]) {
        let length = self.bytes.len() + data.len();
        if self.kept.is_ok() && length > self.limits.bytes {
            self.kept = Err(Refusal::too_long(self.limits.bytes));
        }
        if self.kept.is_ok() && !self.is_announced && length > SMALL {
            // How long it will be nobody knows; taken bit by bit, each of several could wait for what the others have.
            self.is_announced = true;
            self.widen().await;
        }
        match self.kept {
            Ok(_) => self.bytes.extend_from_slice(data),
            Err(_) => self.bytes = BytesMut::new(),
        }
    }

    async fn widen(&mut self) {
        let small = std::mem::replace(&mut self.kept, Err(Refusal::busy(self.limits.wait)));
        if let Ok(small) = small
            && let Ok(wide) = timeout(self.limits.wait, self.load.widened(small, self.limits.bytes)).await
        {
            self.kept = Ok(wide);
        }
    }
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
