//! What a person decides about messages: approve, reject, pause. No tool can.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Outbox;
use super::error::OutboxError;
use super::operations::{approval, columns, pause};
use super::results::Decided;
use super::types::{Hold, Queued};
use super::writer::Priority;
use crate::message::Digest;

impl Outbox {
    /// Queues the message with this digest that waits for approval.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn approve(&self, id: Uuid, digest: Digest) -> Result<Decided, OutboxError> {
        self.engine.write(Priority::Enqueue, 0, move |db, now| approval::approve(db, now, id, digest)).await
    }

    /// Cancels a message that waits for approval.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn reject(&self, id: Uuid, because: Option<String>) -> Result<Decided, OutboxError> {
        self.engine
            .write(Priority::Enqueue, 0, move |db, now| approval::reject(db, now, id, because.as_deref()))
            .await
    }

    /// Holds a message that waits for an attempt until a person approves it. False: it does not wait any more.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn hold(&self, queued: &Queued, hold: Hold) -> Result<bool, OutboxError> {
        let queued = *queued;
        self.engine.write(Priority::Record, 0, move |db, now| approval::hold(db, now, &queued, &hold)).await
    }

    /// Cancels what nobody approved in time.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn expire_approvals(&self) -> Result<(), OutboxError> {
        if self.engine.read(approval::has_expired).await? {
            self.engine.write(Priority::Enqueue, 0, approval::expire).await?;
        }
        Ok(())
    }

    /// Stops all sending, by every process; since when it is stopped.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn pause(&self) -> Result<DateTime<Utc>, OutboxError> {
        self.engine.write(Priority::Enqueue, 0, pause::pause).await.map(columns::time)
    }

    /// Goes on sending. False: it was not stopped.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn resume(&self) -> Result<bool, OutboxError> {
        self.engine.write(Priority::Enqueue, 0, |db, _| pause::resume(db)).await
    }
}
