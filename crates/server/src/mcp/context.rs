//! What the tools work with.

use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use tokio_util::sync::CancellationToken;
use tracing::info;
use uuid::Uuid;

use super::cancellation::Cancellation;
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
    /// Cancelled when the client cancels the call.
    pub(super) cancelled: CancellationToken,
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
        let cancelled = CancellationToken::new();
        Self { upstreams, deliveries, compose_budget, principal, clock, progress, cancelled }
    }

    /// The same for one call, which reports its progress, and which its client can cancel.
    pub(super) fn of_call(&self, progress: ProgressReporter, cancelled: CancellationToken) -> Self {
        Self { progress, cancelled, ..self.clone() }
    }

    /// Waits for the outcome of a message, and reports the `progress` of its attempt and when the next one is. If the client cancels the
    /// call, the message is withdrawn, or it is reported that it is too late.
    ///
    /// # Errors
    /// As [`Deliveries::wait`].
    pub(super) async fn wait(
        &self,
        id: Uuid,
        wait: Duration,
        progress: Option<Progress>,
    ) -> Result<Waited, OutboxError> {
        let waited = tokio::select! {
            waited = self.progress.during(progress, self.deliveries.wait(id, wait)) => waited?,
            () = self.cancelled.cancelled() => return self.cancel(id).await,
        };
        if waited.email.state == State::Queued && waited.email.attempts > 0 {
            let due = waited.email.due.to_rfc3339_opts(SecondsFormat::Secs, true);
            self.progress.finally(&format!("next attempt at {due}")).await;
        }
        Ok(waited)
    }

    /// Withdraws a message whose call was cancelled.
    async fn cancel(&self, id: Uuid) -> Result<Waited, OutboxError> {
        let gone = || OutboxError::Failed("the message is no longer in it".to_owned());
        let (cancelled, waited) = self.deliveries.cancel(id, Some(self.principal)).await?;
        let waited = waited.ok_or_else(gone)?;
        let Cancellation { text, is_too_late } = Cancellation::of(cancelled, &waited.email);
        info!(id = %id.simple(), is_too_late, state = waited.email.state.word(), "the client cancelled its call");
        self.progress.finally(&text).await;
        Ok(waited)
    }

    pub(super) fn outbox(&self) -> &Outbox {
        self.deliveries.outbox()
    }
}
