//! Waiting for the outcome of a message.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::Deliveries;
use super::waited::Waited;
use crate::outbox::{Email, OutboxError};
use crate::outcome::State;

/// How often those who wait look for what other processes did.
const WAIT_TICK: Duration = Duration::from_millis(500);

/// The time for recording what is in progress when the program ends.
const RECORD_GRACE_PERIOD: Duration = Duration::from_millis(700);

impl Deliveries {
    /// Waits until the message has a final state or an attempt left it waiting, at most for `wait`, and not beyond the end of the
    /// program.
    ///
    /// # Errors
    /// The outbox cannot be read, or the message is no longer in it.
    pub async fn wait(&self, id: Uuid, wait: Duration) -> Result<Waited, OutboxError> {
        let deadline = Instant::now() + wait;
        if let Some(ended) = self.shared.in_progress.changed(id) {
            self.until(ended, deadline).await;
        }
        loop {
            // Before the record is read, so that no change is missed.
            let changed = self.shared.in_progress.changed(id);
            let gone = || OutboxError::Failed("the message is no longer in it".to_owned());
            let email = self.shared.worker.outbox.get(id, None).await?.ok_or_else(gone)?;
            let was_deferred = email.state == State::Queued && email.attempts > 0 && changed.is_none();
            let waits_for_a_person = matches!(email.state, State::Unknown | State::Held);
            let is_not_sent = email.is_unserved || email.paused_since.is_some();
            let waits_for_a_program = is_not_sent && changed.is_none();
            let has_ended =
                email.state.is_final() || waits_for_a_person || waits_for_a_program || was_deferred;
            let is_over = Instant::now() >= deadline || self.shared.worker.deadline.is_cancelled();
            if has_ended || is_over {
                return Ok(self.waited(email));
            }
            match changed {
                Some(ended) => self.until(ended, deadline).await,
                None => self.until(sleep(WAIT_TICK), deadline).await,
            }
        }
    }

    /// Waits for `event`, at most until `deadline`; when the program ends, not much longer.
    async fn until(&self, event: impl Future<Output = ()>, deadline: Instant) {
        tokio::select! {
            () = event => {}
            () = sleep_until(deadline) => {}
            // What is in progress ends now, and its record follows at once.
            () = async { self.shared.worker.deadline.cancelled().await; sleep(RECORD_GRACE_PERIOD).await } => {}
        }
    }

    fn waited(&self, email: Email) -> Waited {
        let may_have_been_sent = email.state == State::Sending
            && self.shared.in_progress.commit_point(email.id).is_none_or(|point| point.is_committed());
        Waited { email, may_have_been_sent }
    }
}
