//! The requests that were read and may not begin yet, because too much is under way.

use std::collections::VecDeque;

use rmcp::model::{ClientJsonRpcMessage, RequestId};

/// What is read ahead while nothing more may begin: enough to see the end of a pipe and a call's cancellation, and no more.
const AHEAD: usize = 4096;
/// The same in bytes; a single request may be larger.
const AHEAD_BYTES: usize = 1 << 20;

/// Requests that were read and may not begin yet, in their order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    requests: VecDeque<Queued>,
    bytes: usize,
}

/// A request, and how many bytes it came in.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) id: RequestId,
    pub(super) message: ClientJsonRpcMessage,
    pub(super) bytes: usize,
}

impl Queue {
    /// Whether one more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.requests.len() < AHEAD && self.bytes < AHEAD_BYTES
    }

    pub(super) fn push(&mut self, request: Queued) {
        self.bytes += request.bytes;
        self.requests.push_back(request);
    }

    pub(super) fn first(&self) -> Option<&Queued> {
        self.requests.front()
    }

    pub(super) fn pop(&mut self) -> Option<Queued> {
        let first = self.requests.pop_front()?;
        self.bytes -= first.bytes;
        Some(first)
    }

    /// Takes out a request that was cancelled before it began; whether there was one.
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
