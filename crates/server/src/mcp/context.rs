//! What the tools work with.

use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use uuid::Uuid;

use super::progress::ProgressReporter;
use crate::clock::Clock;
use crate::delivery::{Deliveries, Progress, Waited};
use crate::outbox::{Outbox, OutboxError, Principal};
use crate::outcome::State;
use crate::submit::ComposeBudget;
use crate::upstream::Upstreams;

/// The parts of the program that tools use. Clones share them.
#[derive(Clone)]
pub(super) struct ToolContext {
    pub(super) upstreams: Arc<Upstreams>,
    pub(super) deliveries: Deliveries,
    pub(super) compose_budget: ComposeBudget,
    /// Whose calls these are.
    pub(super) principal: Principal,
    pub(super) clock: Clock,
    /// How the client of a call learns how far it is.
    pub(super) progress: ProgressReporter,
}

impl ToolContext {
    pub(super) fn new(
        upstreams: Arc<Upstreams>,
        deliveries: Deliveries,
        principal: Principal,
        clock: Clock,
    ) -> Self {
        let (compose_budget, progress) = (ComposeBudget::default(), ProgressReporter::default());
        Self { upstreams, deliveries, compose_budget, principal, clock, progress }
    }

    /// The same for one call, which reports its progress.
    pub(super) fn reporting(&self, progress: ProgressReporter) -> Self {
        Self { progress, ..self.clone() }
    }

    /// Waits for the outcome of a message, and reports the `progress` of its attempt and when the next one is.
    ///
    /// # Errors
    /// As [`Deliveries::wait`].
    pub(super) async fn wait(
        &self,
        id: Uuid,
        wait: Duration,
        progress: Option<Progress>,
    ) -> Result<Waited, OutboxError> {
        let waited = self.progress.during(progress, self.deliveries.wait(id, wait)).await?;
        if waited.email.state == State::Queued && waited.email.attempts > 0 {
            let due = waited.email.due.to_rfc3339_opts(SecondsFormat::Secs, true);
            self.progress.finally(&format!("next attempt at {due}")).await;
        }
        Ok(waited)
    }

    pub(super) fn outbox(&self) -> &Outbox {
        self.deliveries.outbox()
    }
}
