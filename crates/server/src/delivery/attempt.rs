//! One delivery attempt: one server after the other, until every recipient has a status.

use std::time::Duration;

use smtp_submission::{
    CommitPoint, Content, Delivery, Envelope, Error, HealthImpact, Path, PathError, Phase, Reply,
};
use tokio::time::Instant;
use tracing::info;

use crate::message::Message;
use crate::outcome::{RecipientOutcome, RecipientStatus};
use crate::upstream::{Candidate, Snapshot, Upstream, explain, no_server, route};

/// One attempt to deliver `message` through `servers`.
pub(super) struct Attempt<'a> {
    pub(super) servers: &'a Snapshot,
    pub(super) message: &'a Message,
    pub(super) commit_point: &'a CommitPoint,
    /// When the last server is given up.
    pub(super) deadline: Instant,
    /// Called with what is known so far before and after each server.
    pub(super) on_progress: &'a (dyn Fn(&[RecipientOutcome]) + Sync),
}

impl Attempt<'_> {
    /// Tries one server after the other for the recipients that are open (`TryNext`), and returns all of them with a
    /// final status, or `Deferred`: no server accepted it, and it may be sent to again.
    pub(super) async fn run(&self, mut recipients: Vec<RecipientOutcome>) -> Vec<RecipientOutcome> {
        let route = route(self.servers, self.message);
        if route.candidates.is_empty() {
            let reason = no_server(self.servers, self.message);
            return close(recipients, RecipientStatus::Rejected, Phase::Connect, &reason);
        }
        let mut is_retryable = vec![route.others_in_backoff; recipients.len()];
        for (position, candidate) in route.candidates.iter().enumerate() {
            let open = positions(&recipients);
            // After its caller gave up, whether in time or not, nothing is sent that was not sent already.
            if open.is_empty() || self.commit_point.is_cancelled() {
                break;
            }
            for &at in &open {
                recipients[at].server = Some(candidate.server.id());
            }
            (self.on_progress)(&recipients);
            // A server that hangs must leave time for the next ones.
            let servers_left = u32::try_from(route.candidates.len() - position).unwrap_or(1);
            let time_limit = self.deadline.saturating_duration_since(Instant::now()) / servers_left;
            let asked = open.iter().map(|&at| recipients[at].clone()).collect();
            let answered = self.try_server(candidate, asked, time_limit).await;
            for (at, (outcome, is_retryable_here)) in open.into_iter().zip(answered) {
                recipients[at] = outcome;
                is_retryable[at] |= is_retryable_here;
            }
            (self.on_progress)(&recipients);
            // This server's result is known; the next try can be cancelled again.
            self.commit_point.reset();
        }
        for (recipient, is_retryable) in recipients.iter_mut().zip(is_retryable) {
            if recipient.status == RecipientStatus::TryNext {
                recipient.status =
                    if is_retryable { RecipientStatus::Deferred } else { RecipientStatus::Rejected };
            }
        }
        recipients
    }

    /// Tries one server: the outcome for each recipient, and whether waiting may help it here.
    async fn try_server(
        &self,
        candidate: &Candidate<'_>,
        recipients: Vec<RecipientOutcome>,
        time_limit: Duration,
    ) -> Vec<(RecipientOutcome, bool)> {
        let server = candidate.server;
        let envelope = match envelope(candidate, &recipients) {
            Ok(envelope) => envelope,
            Err(error) => {
                let refused = close(recipients, RecipientStatus::Rejected, Phase::Mail, &error.to_string());
                return refused.into_iter().map(|outcome| (outcome, false)).collect();
            }
        };
        let began = server.instant();
        let delivery = match server.session(time_limit).await {
            Ok(session) => {
                let content = content(candidate, self.message);
                session.deliver(&envelope, &content, self.commit_point).await
            }
            Err(error) => Delivery::failed(recipients.len(), &error),
        };
        server.note(impact(&delivery), began);
        let results = recipients.into_iter().zip(&delivery.recipients);
        let answered: Vec<_> =
            results.map(|(recipient, result)| outcome(server, recipient, result)).collect();
        log(server, &answered);
        answered
    }
}

/// Gives every open recipient this status and reason; an earlier server's reply is not the reason.
pub(super) fn close(
    mut recipients: Vec<RecipientOutcome>,
    status: RecipientStatus,
    phase: Phase,
    reason: &str,
) -> Vec<RecipientOutcome> {
    for recipient in recipients.iter_mut().filter(|one| one.status == RecipientStatus::TryNext) {
        *recipient = RecipientOutcome {
            status,
            phase,
            reason: reason.to_owned(),
            server: recipient.server.take(),
            ..RecipientOutcome::open(recipient.address.clone())
        };
    }
    recipients
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
