//! Deleting what was kept long enough.

use std::time::Duration;

use super::Outbox;
use super::error::OutboxError;
use super::operations::housekeeping::{self, Purged};
use super::types::{RECORD_KEPT_AT_LEAST, RECORD_KEPT_IN_MEMORY};
use super::writer::Priority;
use crate::config::Retention;

impl Outbox {
    /// Whether no content is kept after the end of its message.
    pub fn forgets_content(&self) -> bool {
        self.engine.forgets_content()
    }

    /// From now on contents are deleted at the end of their messages, or only when they were kept long enough.
    pub fn set_retention(&self, retention: Retention) {
        self.engine.set_forgets_content(retention.content.is_zero() || retention.record.is_zero());
    }

    /// Deletes what was kept for as long as `retention` says, and what processes that are dead left.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn purge(&self, retention: Retention) -> Result<Purged, OutboxError> {
        self.forget_dead().await?;
        let longest = if self.is_durable() { Duration::MAX } else { RECORD_KEPT_IN_MEMORY };
        let record = retention.record.clamp(RECORD_KEPT_AT_LEAST, longest);
        // What an attempt ended is deleted already; what was cancelled, or given up, is not.
        let content = if self.forgets_content() { Duration::ZERO } else { retention.content };
        let retention = Retention { content, record };
        let mut all = Purged::default();
        loop {
            // In small batches, between which others have their turn.
            let purged = self
                .engine
                .write(Priority::Enqueue, 0, move |db, now| housekeeping::purge(db, now, retention))
                .await?;
            if purged.is_empty() {
                return Ok(all);
            }
            all.add(purged);
        }
    }
}
