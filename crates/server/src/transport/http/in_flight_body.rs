//! A response body that holds what its request took, until its last byte was written.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// A body with unchanged bytes, which hold `H`. hyper drops a body as soon as it has taken its bytes, long before a slow
/// client has.
pub(super) struct InFlightBody<B, H> {
    body: B,
    held: Arc<H>,
}

/// Bytes that hold something.
struct InFlightBytes<H> {
    bytes: Bytes,
    _held: Arc<H>,
}

impl<H> AsRef<[u8]> for InFlightBytes<H> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<B, H> InFlightBody<B, H> {
    pub(super) fn new(body: B, held: H) -> Self {
        Self { body, held: Arc::new(held) }
    }
}

impl<B: Body<Data = Bytes> + Unpin, H: Send + Sync + 'static> Body for InFlightBody<B, H> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let hold = |bytes| Bytes::from_owner(InFlightBytes { bytes, _held: Arc::clone(&self.held) });
        frame.map_ok(|frame| frame.map_data(hold))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
