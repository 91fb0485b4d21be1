//! The permit with which a request was admitted, on its way with the call.

use axum::http::request::Parts;
use rmcp::model::Extensions;

use crate::budget::MemoryPermit;

/// The permit of a call: over stdio it is an extension of its own, over HTTP one of the request's head.
pub(super) fn permit_of(extensions: &Extensions) -> Option<MemoryPermit> {
    let with_head = || extensions.get::<Parts>()?.extensions.get::<MemoryPermit>();
    extensions.get::<MemoryPermit>().or_else(with_head).cloned()
}
