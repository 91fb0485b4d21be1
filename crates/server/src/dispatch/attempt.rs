//! One delivery attempt at one server: what its result means for the recipients and for the server's health.

use std::sync::Arc;
use std::time::Instant;

use smtp_submission::{Delivery, Error, HealthImpact, Phase, RecipientStatus, Reply, classify};
use tracing::info;

use super::advice;
use super::delivery_state::DeliveryState;
use super::recovery;
use super::upstream::Upstream;
use crate::outcome::RecipientOutcome;

/// One attempt, from before the connection to its result.
pub(super) struct Attempt<'a> {
    server: &'a Arc<Upstream>,
    state: &'a DeliveryState,
    open: Vec<usize>,
    another: bool,
    began: Instant,
}

impl<'a> Attempt<'a> {
    /// Begins an attempt for all open recipients of `state`. `another`: whether another server is left.
    pub(super) fn new(server: &'a Arc<Upstream>, state: &'a DeliveryState, another: bool) -> Self {
        state.try_server(server.name(), server.address());
        Self { server, state, open: state.open(), another, began: server.instant() }
    }

    /// The positions of its recipients.
    pub(super) fn open(&self) -> &[usize] {
        &self.open
    }

    /// Records a failure before a transaction began.
    pub(super) fn failed(&self, error: &Error) {
        self.ended(&Delivery::failed(self.open.len(), error));
    }

    /// Rejects all recipients, because the envelope is not valid.
    pub(super) fn refuse_all(&self, words: &str) {
        self.state.close(RecipientStatus::Rejected, Phase::Mail, words, true);
    }

    /// Records one result for each recipient.
    pub(super) fn ended(&self, delivery: &Delivery) {
        let mut impact = HealthImpact::None;
        let mut counts = StatusCounts::default();
        for (&position, result) in self.open.iter().zip(&delivery.recipients) {
            let (outcome, health) = self.outcome(position, result);
            impact = stronger(impact, health);
            counts.count(outcome.status);
            self.state.write(position, outcome);
        }
        if counts.accepted > 0 {
            self.state.accepted_by(self.server.name(), self.server.address());
        }
        counts.log(self.server.name());
        if self.server.note(impact, self.began) {
            recovery::after_back_off(self.server);
        }
    }

    fn outcome(&self, position: usize, result: &Result<Reply, Error>) -> (RecipientOutcome, HealthImpact) {
        let (status, phase, words, health) = match result {
            Ok(_) => (RecipientStatus::Accepted, Phase::EndOfData, String::new(), HealthImpact::Healthy),
            Err(error) => {
                let classification = classify(error.phase, &error.kind, self.another);
                let words = advice::explain(&self.server.config, error);
                (recorded(classification.status), error.phase, words, classification.health)
            }
        };
        let reply = match result {
            Ok(reply) => Some(reply),
            Err(error) => error.reply(),
        };
        let outcome = RecipientOutcome {
            address: self.state.address(position),
            status,
            phase,
            words,
            code: reply.map(|reply| reply.code),
            enhanced_code: reply.and_then(|reply| reply.enhanced).map(|code| code.to_string()),
            reply: reply.map(Reply::quoted),
            server: Some(self.server.name().to_owned()),
        };
        (outcome, health)
    }
}

/// A recipient that another server may try stays open; if none does, it is deferred.
fn recorded(status: RecipientStatus) -> RecipientStatus {
    if status == RecipientStatus::TryNext { RecipientStatus::Deferred } else { status }
}

/// The stronger impact: a failure outweighs a success, a refused login everything.
fn stronger(one: HealthImpact, other: HealthImpact) -> HealthImpact {
    let weight = |health: HealthImpact| match health {
        HealthImpact::None => 0,
        HealthImpact::Healthy => 1,
        HealthImpact::BriefFailure => 2,
        HealthImpact::Failure => 3,
        HealthImpact::AuthFailure => 4,
    };
    if weight(other) > weight(one) { other } else { one }
}

/// The number of recipients by status, for the log.
#[derive(Default)]
struct StatusCounts {
    accepted: usize,
    refused: usize,
    open: usize,
    unknown: usize,
}

impl StatusCounts {
    fn count(&mut self, status: RecipientStatus) {
        *match status {
            RecipientStatus::Accepted => &mut self.accepted,
            RecipientStatus::Rejected => &mut self.refused,
            RecipientStatus::TryNext | RecipientStatus::Deferred => &mut self.open,
            RecipientStatus::Unknown => &mut self.unknown,
        } += 1;
    }

    fn log(&self, server: &str) {
        let Self { accepted, refused, open, unknown } = self;
        info!(server, accepted, refused, open, unknown, "delivery attempt ended");
    }
}
