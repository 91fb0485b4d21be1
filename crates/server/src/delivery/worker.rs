//! One attempt for one message: from the outbox to its outcome in the outbox.

use std::sync::Arc;
use std::time::Duration;

use smtp_submission::Phase;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::attempt::{Attempt, Ended, close};
use super::backoff;
use super::in_progress::Control;
use super::permission::{Permission, permission};
use super::progress::ProgressSender;
use crate::address::without_addresses;
use crate::message::Message;
use crate::outbox::{Claim, Loaded, Outbox, OutboxError, Queued};
use crate::outcome::{RecipientOutcome, RecipientStatus};
use crate::upstream::{Snapshot, Upstreams};

/// How long to wait before an outcome that could not be written is written again.
const RECORD_AGAIN: Duration = Duration::from_secs(1);

/// What attempts are made with.
pub(super) struct Worker {
    pub(super) outbox: Outbox,
    pub(super) upstreams: Arc<Upstreams>,
    /// The time within which an attempt must get a session.
    pub(super) attempt_timeout: Duration,
    /// Cancelled when what is in progress must end now.
    pub(super) deadline: CancellationToken,
}

impl Worker {
    /// One attempt for one message, and its end in the outbox.
    pub(super) async fn attempt(
        &self,
        queued: Queued,
        first: Option<(Arc<Message>, Arc<Snapshot>)>,
        control: &Control,
        progress: &ProgressSender,
    ) {
        let (message, servers, recipients) = match first {
            Some((message, servers)) => {
                let open = message.recipients.iter().cloned().map(RecipientOutcome::open).collect();
                (message, servers, open)
            }
            None => match self.load(&queued).await {
                Some((message, servers, open)) => (message, servers, open),
                None => return,
            },
        };
        let mut attempt = Attempt {
            outbox: &self.outbox,
            upstreams: &self.upstreams,
            servers: &servers,
            message: &message,
            queued: &queued,
            control,
            progress,
            deadline: Instant::now() + self.attempt_timeout,
            recipients,
            claim: None,
            paced: None,
        };
        let ended = tokio::select! {
            ended = attempt.run() => Some(ended),
            () = self.deadline.cancelled() => None,
            () = control.stopped_in_time() => None,
        };
        let Attempt { recipients, claim, paced, .. } = attempt;
        match ended {
            Some(Ended::NotOurs) => {}
            Some(Ended::Complete) => {
                let pause = paced.unwrap_or_else(|| backoff::pause(queued.id, queued.attempts + 1));
                self.record(&queued, claim, recipients, pause).await;
            }
            None => self.cut_off(&queued, claim, recipients, control).await,
        }
    }

    /// A message that waited, if it may be sent now, and the servers to send it through.
    async fn load(&self, queued: &Queued) -> Option<(Arc<Message>, Arc<Snapshot>, Vec<RecipientOutcome>)> {
        let Loaded { message, mut open } = match self.outbox.load(queued).await {
            Ok(loaded) => loaded?,
            Err(error) => {
                self.cannot_be_read(queued, &error).await;
                return None;
            }
        };
        let servers = self.upstreams.snapshot();
        if servers.config.redirect().is_some() {
            // It goes to the one address that the settings name.
            return Some((Arc::new(message), servers, open));
        }
        let recipients: Vec<_> = open.iter().map(|one| one.address.clone()).collect();
        match permission(&self.outbox, &servers.config.policy, &recipients, queued.is_approved).await {
            Ok(Permission::Granted) => return Some((Arc::new(message), servers, open)),
            Ok(Permission::NeedsApproval(hold)) => {
                if let Err(error) = self.outbox.hold(queued, hold).await {
                    self.gives_up(&error).await;
                }
            }
            Ok(Permission::Denied(reason)) => {
                close(&mut open, RecipientStatus::Rejected, Phase::Connect, &reason);
                self.record(queued, None, open, Duration::ZERO).await;
            }
            Err(error) => drop(self.gives_up(&error).await),
        }
        None
    }

    /// Records what an attempt came to, as often as it takes.
    async fn record(
        &self,
        queued: &Queued,
        claim: Option<Claim>,
        recipients: Vec<RecipientOutcome>,
        pause: Duration,
    ) {
        let Some(mut claim) = claim else {
            while let Err(error) = self.outbox.postpone(queued, recipients.clone(), pause).await {
                if self.gives_up(&error).await {
                    return;
                }
            }
            return;
        };
        loop {
            match self.outbox.record(claim, &recipients, pause).await {
                Ok(Some(_)) => return,
                Ok(None) => return warn!("the claim of a message was lost while it was sent"),
                // What is dropped here ends as unknown, unless it certainly was not sent.
                Err((_, error)) if self.gives_up(&error).await => return,
                Err((same, _)) => claim = same,
            }
        }
    }

    /// Waits before the next try to write. True: there is none, because it would fail, too, or the program stops.
    async fn gives_up(&self, error: &OutboxError) -> bool {
        error!("an outcome could not be recorded: {error}");
        if matches!(error, OutboxError::Unusable(_) | OutboxError::Closed) {
            return true;
        }
        tokio::select! {
            () = sleep(RECORD_AGAIN) => false,
            () = self.deadline.cancelled() => true,
        }
    }

    /// The program stops in the middle of an attempt, or the message is cancelled.
    async fn cut_off(
        &self,
        queued: &Queued,
        claim: Option<Claim>,
        mut recipients: Vec<RecipientOutcome>,
        control: &Control,
    ) {
        if !control.commit_point.cancel() {
            let reason = "the program stopped while it waited for the server's answer to the end of the mail";
            close(&mut recipients, RecipientStatus::Unknown, Phase::EndOfData, reason);
            return self.record(queued, claim, recipients, Duration::ZERO).await;
        }
        if !self.outbox.is_durable() && !control.is_stopped() {
            let reason =
                "stopped before its last byte was sent, because the program is stopping; nothing is kept";
            close(&mut recipients, RecipientStatus::Rejected, Phase::Data, reason);
            return self.record(queued, claim, recipients, Duration::ZERO).await;
        }
        if let Some(claim) = claim
            && let Err((_, error)) = self.outbox.release(claim).await
        {
            error!("{error}");
        }
    }

    /// A message that cannot be read back is never sent. Where the outbox itself cannot be read, it is tried again.
    async fn cannot_be_read(&self, queued: &Queued, error: &OutboxError) {
        if !matches!(error, OutboxError::Damaged(_)) {
            self.gives_up(error).await;
            return;
        }
        error!("{}", without_addresses(&error.to_string()));
        if let Ok(Some(email)) = self.outbox.get(queued.id, None).await {
            let mut open: Vec<_> =
                email.recipients.into_iter().map(|one| RecipientOutcome::open(one.address)).collect();
            close(&mut open, RecipientStatus::Rejected, Phase::Connect, &error.to_string());
            self.record(queued, None, open, Duration::ZERO).await;
        }
    }
}
