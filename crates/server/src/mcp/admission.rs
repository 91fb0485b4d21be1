//! The permits of a request on their way with the call: one for its memory, and one for being parsed.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::request::Parts;
use rmcp::model::Extensions;

use crate::budget::MemoryPermit;

/// A permit that is held until a request is parsed, which rmcp does on the thread that serves it. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct ParsePermit(Arc<Mutex<Option<MemoryPermit>>>);

impl ParsePermit {
    pub(crate) fn new(permit: MemoryPermit) -> Self {
        Self(Arc::new(Mutex::new(Some(permit))))
    }
}

/// The permit of a call: over stdio it is an extension of its own, over HTTP one of the request's head.
pub(super) fn permit_of(extensions: &Extensions) -> Option<MemoryPermit> {
    let with_head = || extensions.get::<Parts>()?.extensions.get::<MemoryPermit>();
    extensions.get::<MemoryPermit>().or_else(with_head).cloned()
}

/// The request of a call is parsed.
pub(super) fn parsed(extensions: &Extensions) {
    let permit = extensions.get::<Parts>().and_then(|head| head.extensions.get::<ParsePermit>());
    if let Some(ParsePermit(permit)) = permit {
        permit.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
