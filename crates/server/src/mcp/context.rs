//! What the tools work with.

use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use uuid::Uuid;

use super::progress::ProgressReporter;
use super::tool_result::{Service, ToolResult};
use crate::clock::Clock;
use crate::config::Mode;
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

impl Service for ToolContext {
    /// In a mode in which mail does not go to its recipients, every answer says so.
    fn annotate(&self, answer: ToolResult) -> ToolResult {
        let config = &self.upstreams.snapshot().config;
        let what = match config.mode {
            Mode::Live => return answer,
            Mode::DryRun => "nothing is sent".to_owned(),
            Mode::Redirect => {
                let only = config.redirect_to.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("every mail goes to {only} alone, whoever it is for")
            }
            Mode::Capture => "mails become files, and nothing is sent".to_owned(),
        };
        answer.in_mode(config.mode.word(), &what)
    }
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
