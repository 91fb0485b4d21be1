//! One delivery attempt: one server after the other, until every recipient has a status.

use std::time::Duration;

use smtp_submission::{
    Content, Delivery, Envelope, Error, ErrorKind, HealthImpact, Mail, Path, PathError, Phase, PooledSession,
    Reply,
};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::in_progress::Control;
use super::progress::{ProgressSender, Stage};
use super::wire_check::difference;
use crate::message::Message;
use crate::outbox::{Claim, Outbox, OutboxError, Queued};
use crate::outcome::{RecipientOutcome, RecipientStatus};
use crate::upstream::{Candidate, Snapshot, Upstream, Upstreams, explain, no_server, paused, route};

/// One attempt to deliver `message` through `servers`.
pub(super) struct Attempt<'a> {
    pub(super) outbox: &'a Outbox,
    /// The servers that are configured now.
    pub(super) upstreams: &'a Upstreams,
    /// Those that it is sent through.
    pub(super) servers: &'a Snapshot,
    pub(super) message: &'a Message,
    pub(super) queued: &'a Queued,
    pub(super) control: &'a Control,
    pub(super) progress: &'a ProgressSender,
    /// When the last server is given up.
    pub(super) deadline: Instant,
    /// What is known of the recipients. They begin as `TryNext`.
    pub(super) recipients: Vec<RecipientOutcome>,
    /// The claim, from the first session on.
    pub(super) claim: Option<Claim>,
    /// How long a server takes no further message: it is not failing.
    pub(super) paced: Option<Duration>,
}

/// How an attempt ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Every recipient has a final status, or is deferred.
    Complete,
    /// Another process has the message, or has sent it.
    NotOurs,
}

/// Why a server was not tried to its end.
enum Stop {
    NotOurs,
    /// The claim could not be committed, so nothing may be sent.
    NoClaim(OutboxError),
    /// What would be sent is not what was taken.
    Different(&'static str),
}

impl Attempt<'_> {
    /// Tries one server after the other for the open recipients, and gives each a final status, or `Deferred`: no server
    /// accepted it, and it may be sent to again.
    pub(super) async fn run(&mut self) -> Ended {
        let (servers, message) = (self.servers, self.message);
        let route = route(servers, message);
        if route.candidates.is_empty() {
            let reason = no_server(servers, message);
            // A mail that was kept is not given up because the configuration changed: it may change again.
            let is_first = self.queued.attempts == 0;
            let status = if is_first { RecipientStatus::Rejected } else { RecipientStatus::Deferred };
            close(&mut self.recipients, status, Phase::Connect, &reason);
            return Ended::Complete;
        }
        let mut is_retryable = vec![route.others_in_backoff; self.recipients.len()];
        // Why a recipient is still open, by server.
        let mut reasons: Vec<Vec<String>> =
            vec![paused(servers, message).into_iter().collect(); self.recipients.len()];
        for (position, candidate) in route.candidates.iter().enumerate() {
            let open = positions(&self.recipients);
            if open.is_empty() {
                break;
            }
            for &at in &open {
                self.recipients[at].server = Some(candidate.server.id());
            }
            // A server that hangs must leave time for the next ones.
            let servers_left = u32::try_from(route.candidates.len() - position).unwrap_or(1);
            let time_limit = self.deadline.saturating_duration_since(Instant::now()) / servers_left;
            let answered = match self.try_server(candidate, &open, time_limit).await {
                Ok(answered) => answered,
                Err(stop) => return self.stopped(stop),
            };
            for (at, (outcome, is_retryable_here)) in open.into_iter().zip(answered) {
                reasons[at].push(outcome.reason.clone());
                self.recipients[at] = outcome;
                is_retryable[at] |= is_retryable_here;
            }
            let all = self.recipients.len();
            self.progress.record(Stage::Answered { done: all - positions(&self.recipients).len(), all });
            if position + 1 < route.candidates.len() {
                match self.note().await {
                    Ok(true) => {}
                    // It was cancelled, or another process has it now.
                    Ok(false) => break,
                    Err(error) => {
                        // The next server must not be tried: were the program to end, this one's result would be unknown.
                        warn!("{error}");
                        break;
                    }
                }
                // This server's result is on the record; the next try can be cancelled again.
                self.control.commit_point.reset();
            }
        }
        self.close_open(&is_retryable, &reasons);
        Ended::Complete
    }

    /// Ends the attempt without having sent anything to those who are open.
    fn stopped(&mut self, stop: Stop) -> Ended {
        let (status, phase, reason) = match stop {
            Stop::NotOurs => return Ended::NotOurs,
            Stop::NoClaim(error) => {
                warn!("nothing was sent: {error}");
                (RecipientStatus::Deferred, Phase::Connect, error.to_string())
            }
            Stop::Different(what) => {
                error!("a message was stopped in the last step before sending: {what}");
                let reason = format!("stopped in the last step before sending: {what}; nothing was sent");
                (RecipientStatus::Rejected, Phase::Mail, reason)
            }
        };
        close(&mut self.recipients, status, phase, &reason);
        Ended::Complete
    }

    /// Ends the attempt for those whom no server accepted, with why each server did not.
    fn close_open(&mut self, is_retryable: &[bool], reasons: &[Vec<String>]) {
        // Only a first attempt ends with what waiting cannot cure: a mail that was kept waits for whoever cures it.
        let is_first = self.queued.attempts == 0;
        for (at, recipient) in self.recipients.iter_mut().enumerate() {
            if recipient.status == RecipientStatus::TryNext {
                let waits = is_retryable[at] || !is_first;
                recipient.status = if waits { RecipientStatus::Deferred } else { RecipientStatus::Rejected };
                recipient.reason = reasons[at].join("; ");
            }
        }
    }

    /// Tries one server: the outcome for each recipient, and whether waiting may help it here.
    async fn try_server(
        &mut self,
        candidate: &Candidate<'_>,
        open: &[usize],
        time_limit: Duration,
    ) -> Result<Vec<(RecipientOutcome, bool)>, Stop> {
        let server = candidate.server;
        let mut recipients: Vec<_> = open.iter().map(|&at| self.recipients[at].clone()).collect();
        let envelope = match envelope(candidate, &recipients) {
            Ok(envelope) => envelope,
            Err(error) => {
                close(&mut recipients, RecipientStatus::Rejected, Phase::Mail, &error.to_string());
                return Ok(recipients.into_iter().map(|outcome| (outcome, false)).collect());
            }
        };
        let began = server.instant();
        self.progress.record(Stage::Connecting(server.name().to_owned()));
        let delivery = match server.session(time_limit).await {
            Ok(session) => self.deliver(session, candidate, &envelope).await?,
            Err(error) => {
                if let ErrorKind::Paced(wait) = error.kind() {
                    self.paced = self.paced.max(Some(*wait));
                }
                Delivery::failed(recipients.len(), &error)
            }
        };
        server.note(impact(&delivery), began);
        let results = recipients.into_iter().zip(&delivery.recipients);
        let mut answered: Vec<_> =
            results.map(|(recipient, result)| outcome(server, recipient, result)).collect();
        if self.queued.all_or_nothing {
            withhold(&mut answered, &delivery);
        }
        log(server, &answered);
        Ok(answered)
    }

    /// Sends the message, with the claim that permits it.
    async fn deliver(
        &mut self,
        session: PooledSession,
        candidate: &Candidate<'_>,
        envelope: &Envelope,
    ) -> Result<Delivery, Stop> {
        // The mode may have changed since: a test must not send what it was not made for.
        if !self.upstreams.snapshot().config.permits(&self.message.recipients) {
            return Err(Stop::NotOurs);
        }
        if self.claim.is_none() {
            let claimed = self.outbox.claim(self.queued, &self.control.commit_point).await;
            self.claim = Some(claimed.map_err(Stop::NoClaim)?.ok_or(Stop::NotOurs)?);
        }
        let Some(claim) = &self.claim else { return Err(Stop::NotOurs) };
        let content = content(candidate, self.message);
        if let Some(what) = difference(claim.taken(), self.message, envelope, &content).await {
            return Err(Stop::Different(what));
        }
        self.progress.record(Stage::Sending(candidate.server.name().to_owned()));
        let mail = Mail::new(envelope.clone(), content, claim.commit_point().clone());
        Ok(session.deliver(Mail { all_or_nothing: self.queued.all_or_nothing, ..mail }).await)
    }

    /// Records what was decided so far, before the next server is tried. False: it must not be.
    async fn note(&self) -> Result<bool, OutboxError> {
        let decided = |one: &&RecipientOutcome| one.status != RecipientStatus::TryNext;
        let decided: Vec<_> = self.recipients.iter().filter(decided).cloned().collect();
        match &self.claim {
            Some(claim) => self.outbox.note(claim, decided).await,
            None => Ok(true),
        }
    }
}

/// Gives every open recipient this status and reason; an earlier server's reply is not the reason.
pub(super) fn close(
    recipients: &mut [RecipientOutcome],
    status: RecipientStatus,
    phase: Phase,
    reason: &str,
) {
    for recipient in recipients.iter_mut().filter(|one| one.status == RecipientStatus::TryNext) {
        *recipient = RecipientOutcome {
            status,
            phase,
            reason: reason.to_owned(),
            server: recipient.server.take(),
            ..RecipientOutcome::open(recipient.address.clone())
        };
    }
}

/// Where one is refused, nobody is to get it. A server that does not take all at once will not do so later.
fn withhold(answered: &mut [(RecipientOutcome, bool)], delivery: &Delivery) {
    for ((outcome, _), result) in answered.iter_mut().zip(&delivery.recipients) {
        if result.as_ref().is_err_and(|error| matches!(error.kind(), ErrorKind::TooManyRecipients(_))) {
            outcome.status = RecipientStatus::Rejected;
        }
    }
    let is_refused = answered.iter().any(|(outcome, _)| outcome.status == RecipientStatus::Rejected);
    for (outcome, _) in answered.iter_mut().filter(|(one, _)| one.status == RecipientStatus::TryNext) {
        if is_refused {
            outcome.status = RecipientStatus::Rejected;
            outcome.reason = ErrorKind::AllOrNothing.to_string();
            (outcome.code, outcome.enhanced_code, outcome.reply) = (None, None, None);
        }
    }
}

/// The positions of the open recipients.
fn positions(recipients: &[RecipientOutcome]) -> Vec<usize> {
    let open = |at: &usize| recipients[*at].status == RecipientStatus::TryNext;
    (0..recipients.len()).filter(open).collect()
}

fn envelope(candidate: &Candidate<'_>, recipients: &[RecipientOutcome]) -> Result<Envelope, PathError> {
    let sender = Path::new(&candidate.variant.sender.to_string())?;
    let recipients = recipients.iter().map(|recipient| Path::new(&recipient.address.to_string()));
    Ok(Envelope { sender: Some(sender), recipients: recipients.collect::<Result<_, _>>()? })
}

fn content(candidate: &Candidate<'_>, message: &Message) -> Content {
    let chunks = vec![candidate.variant.header.clone(), message.content.clone()];
    Content { chunks, smtputf8: message.needs_smtputf8 }
}

/// The strongest impact: a failure outweighs a success, a refused login everything.
fn impact(delivery: &Delivery) -> HealthImpact {
    let impact = |result: &Result<Reply, Error>| match result {
        Ok(_) => HealthImpact::Healthy,
        Err(error) => error.classify().health,
    };
    delivery.recipients.iter().map(impact).max().unwrap_or(HealthImpact::None)
}

fn outcome(
    server: &Upstream,
    recipient: RecipientOutcome,
    result: &Result<Reply, Error>,
) -> (RecipientOutcome, bool) {
    let (status, phase, reason, is_retryable) = match result {
        Ok(_) => (RecipientStatus::Accepted, Phase::EndOfData, String::new(), false),
        Err(error) => {
            let classification = error.classify();
            let reason = explain(&server.config, error);
            (classification.status, error.phase(), reason, classification.is_retryable)
        }
    };
    let reply = result.as_ref().map_or_else(Error::reply, Some);
    let outcome = RecipientOutcome {
        status,
        phase,
        reason,
        code: reply.map(|reply| reply.code),
        enhanced_code: reply.and_then(|reply| reply.enhanced).map(|code| code.to_string()),
        reply: reply.map(Reply::quoted),
        ..recipient
    };
    (outcome, is_retryable)
}

fn log(server: &Upstream, answered: &[(RecipientOutcome, bool)]) {
    let count = |wanted| answered.iter().filter(|(outcome, _)| outcome.status == wanted).count();
    let (accepted, refused) = (count(RecipientStatus::Accepted), count(RecipientStatus::Rejected));
    let (open, unknown) = (count(RecipientStatus::TryNext), count(RecipientStatus::Unknown));
    info!(server = server.name(), accepted, refused, open, unknown, "delivery attempt ended");
}
