//! Requests that were read and cannot start yet, because too much is in flight.

use std::collections::VecDeque;

use rmcp::model::{ClientJsonRpcMessage, RequestId};

/// How many requests are read ahead while none can start: enough to see the end of the input and cancellations, and no more.
const MAX_PENDING: usize = 4096;
/// The same in bytes; a single request may be larger.
const MAX_PENDING_BYTES: usize = 1 << 20;

/// Requests that were read and cannot start yet, in order.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    requests: VecDeque<PendingRequest>,
    bytes: usize,
}

/// A request, and its size in bytes.
#[derive(Debug)]
pub(super) struct PendingRequest {
    pub(super) id: RequestId,
    pub(super) message: ClientJsonRpcMessage,
    pub(super) bytes: usize,
}

impl PendingRequests {
    /// Whether one more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.requests.len() < MAX_PENDING && self.bytes < MAX_PENDING_BYTES
    }

    pub(super) fn push(&mut self, request: PendingRequest) {
        self.bytes += request.bytes;
        self.requests.push_back(request);
    }

    pub(super) fn first(&self) -> Option<&PendingRequest> {
        self.requests.front()
    }

    pub(super) fn pop(&mut self) -> Option<PendingRequest> {
        let first = self.requests.pop_front()?;
        self.bytes -= first.bytes;
        Some(first)
    }

    /// Removes a request that was cancelled before it started; whether there was one.
    pub(super) fn cancel(&mut self, id: &RequestId) -> bool {
        let Some(at) = self.requests.iter().position(|request| request.id == *id) else {
            return false;
        };
        if let Some(gone) = self.requests.remove(at) {
            self.bytes -= gone.bytes;
        }
        true
    }
}
