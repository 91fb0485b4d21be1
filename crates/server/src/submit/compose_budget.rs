//! Limits for large mails: how many are composed at the same time, and how many bytes of them are kept until they are sent.
//!
//! A call of a hundred bytes can attach files of 50 MiB; without this, 64 such calls at once would take gigabytes.

use bytes::Bytes;

use crate::budget::{MemoryBudget, MemoryPermit};

/// Large mails that are composed at the same time.
const COMPOSING: usize = 1;
/// Composed mails that are kept at the same time, in bytes together.
const KEPT_BYTES: usize = 192 << 20;

/// The limits for large mails. Clones share them.
#[derive(Debug, Clone)]
pub struct ComposeBudget {
    composing: MemoryBudget,
    kept: MemoryBudget,
}

impl Default for ComposeBudget {
    fn default() -> Self {
        Self { composing: MemoryBudget::new(COMPOSING, 0), kept: MemoryBudget::new(usize::MAX, KEPT_BYTES) }
    }
}

impl ComposeBudget {
    /// Waits until another large mail may be composed, or read.
    pub async fn compose_permit(&self) -> MemoryPermit {
        self.composing.permit(0).await
    }

    /// Waits until `content` may be kept. Its share is returned with the last clone of the result.
    pub(super) async fn keep(&self, content: Bytes) -> Bytes {
        let permit = self.kept.permit(content.len()).await;
        Bytes::from_owner(KeptContent { content, _permit: permit })
    }
}

struct KeptContent {
    content: Bytes,
    _permit: MemoryPermit,
}

impl AsRef<[u8]> for KeptContent {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}
