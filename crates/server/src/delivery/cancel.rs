//! Cancelling a message: before its last byte is sent, it never is.

use std::time::Duration;

use uuid::Uuid;

use super::Deliveries;
use super::waited::Waited;
use crate::outbox::{Cancelled, OutboxError, Principal};

/// How long a call waits for an attempt that ends now.
const END_OF_ATTEMPT: Duration = Duration::from_secs(2);

impl Deliveries {
    /// Withdraws a message of `principal` from those who have not got it. An attempt of this process ends, unless its last byte is out;
    /// one of another process goes on. Neither is followed by another one.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn cancel(
        &self,
        id: Uuid,
        principal: Option<Principal>,
    ) -> Result<(Cancelled, Option<Waited>), OutboxError> {
        let cancelled = self.outbox().cancel(id, principal).await?;
        if cancelled == Cancelled::NotFound {
            return Ok((cancelled, None));
        }
        if matches!(cancelled, Cancelled::Withdrawn | Cancelled::Stopping) {
            self.shared.in_progress.stop(id);
        }
        let wait = if cancelled == Cancelled::Stopping { END_OF_ATTEMPT } else { Duration::ZERO };
        Ok((cancelled, Some(self.wait(id, wait).await?)))
    }
}
