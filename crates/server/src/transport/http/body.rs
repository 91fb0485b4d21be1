//! Reads a request's body, within limits of size and time.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::HttpLimits;
use super::error::HttpError;
use crate::budget::{MemoryBudget, MemoryPermit, SMALL};
use crate::memory::MemoryLimit;

/// What the values of all requests in flight may take together, in bytes.
const VALUES_TOGETHER: usize = 64 << 20;

/// The limits for bodies, one and all.
pub(super) struct Bodies {
    limits: HttpLimits,
    budget: MemoryBudget,
    values: MemoryBudget,
    memory: MemoryLimit,
}

impl Bodies {
    pub(super) fn new(limits: HttpLimits, memory: MemoryLimit) -> Self {
        let budget = MemoryBudget::new(limits.requests, limits.bytes_together);
        Self { limits, budget, values: MemoryBudget::new(usize::MAX, VALUES_TOGETHER), memory }
    }

    /// Waits for a permit for what the values of a body take beyond its bytes. Requests that wait here wait for none that
    /// wait for them.
    ///
    /// # Errors
    /// Too much is in flight.
    pub(super) async fn values_permit(&self, bytes: usize) -> Result<MemoryPermit, HttpError> {
        let wait = self.limits.wait;
        timeout(wait, self.values.permit(bytes)).await.map_err(|_| HttpError::busy(wait))
    }

    /// Reads a body to its end, and takes a permit for it from the budget.
    ///
    /// A body that is too long, or cannot be admitted, is also read to its end and discarded: a client that is still writing
    /// would not see the response.
    ///
    /// # Errors
    /// It is too long, does not arrive in time, breaks off, or too much is in flight.
    pub(super) async fn read(&self, head: &Parts, body: Body) -> Result<(Bytes, MemoryPermit), HttpError> {
        let announced = announced(&head.headers);
        let kept = match self.permit(announced).await {
            Err(error) if asks_first(&head.headers) => return Err(error),
            kept => kept,
        };
        let bytes = BytesMut::with_capacity(if kept.is_ok() { announced } else { 0 });
        let reading = Reading { bodies: self, bytes, is_announced: announced > 0, kept };
        let whole = timeout(self.limits.body, reading.whole(body)).await;
        whole.unwrap_or_else(|_| Err(HttpError::too_slow(self.limits.body.as_secs())))
    }

    /// Waits for a permit for a request of `bytes`.
    async fn permit(&self, bytes: usize) -> Result<MemoryPermit, HttpError> {
        if bytes > self.limits.bytes {
            return Err(HttpError::too_long(self.limits.bytes));
        }
        if !self.memory.has_room(bytes) {
            return Err(HttpError::no_memory());
        }
        let wait = self.limits.wait;
        timeout(wait, self.budget.permit(bytes)).await.map_err(|_| HttpError::busy(wait))
    }
}

/// A body read so far.
struct Reading<'a> {
    bodies: &'a Bodies,
    bytes: BytesMut,
    /// Its permit covers all of it.
    is_announced: bool,
    /// As long as this is a permit, the bytes are kept.
    kept: Result<MemoryPermit, HttpError>,
}

impl Reading<'_> {
    async fn whole(mut self, mut body: Body) -> Result<(Bytes, MemoryPermit), HttpError> {
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(|_| HttpError::broken_off())?.into_data() {
                self.add(&data).await;
            }
        }
        let length = self.bytes.len();
        self.kept.map(|permit| (self.bytes.freeze(), permit.shrink_to(length)))
    }

    async fn add(&mut self, data: &[u8]) {
        let length = self.bytes.len() + data.len();
        if self.kept.is_ok() && length > self.bodies.limits.bytes {
            self.kept = Err(HttpError::too_long(self.bodies.limits.bytes));
        }
        if self.kept.is_ok() && !self.is_announced && length > SMALL {
            // The final length is unknown; if permits grew bit by bit, several requests could wait for each other.
            self.is_announced = true;
            self.grow().await;
        }
        match self.kept {
            Ok(_) => self.bytes.extend_from_slice(data),
            Err(_) => self.bytes = BytesMut::new(),
        }
    }

    async fn grow(&mut self) {
        let small = std::mem::replace(&mut self.kept, Err(HttpError::busy(self.bodies.limits.wait)));
        if let Ok(small) = small
            && let Ok(large) =
                timeout(self.bodies.limits.wait, self.bodies.budget.grow(small, self.bodies.limits.bytes))
                    .await
        {
            self.kept = Ok(large);
        }
    }
}

/// The announced length; 0 if there is none.
fn announced(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// Whether the client waits for 100 Continue before it sends the body (RFC 9110, section 10.1.1).
fn asks_first(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
