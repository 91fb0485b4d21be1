//! One attempt to deliver to one server: what its answers mean for the recipients and for its health.

use std::time::Instant;

use smtp_submission::{Delivery, Error, HealthImpact, Phase, RecipientStatus, Reply, classify};
use tracing::info;

use super::ledger::Ledger;
use super::probe;
use super::server::Shared;
use super::words;
use crate::outcome::{Fate, RecipientOutcome};

/// One attempt, from before the connection to the answers.
pub(super) struct Attempt<'a> {
    server: &'a Shared,
    ledger: &'a Ledger,
    open: Vec<usize>,
    another: bool,
    began: Instant,
}

impl<'a> Attempt<'a> {
    /// Begins an attempt for everyone who is open in `ledger`. `another` tells whether another server is left.
    pub(super) fn new(server: &'a Shared, ledger: &'a Ledger, another: bool) -> Self {
        ledger.visit(server.name(), server.address());
        Self { server, ledger, open: ledger.open(), another, began: server.instant() }
    }

    /// The positions of the recipients that it is for.
    pub(super) fn open(&self) -> &[usize] {
        &self.open
    }

    /// It ended before a transaction began.
    pub(super) fn failed(&self, error: &Error) {
        self.ended(&Delivery::failed(self.open.len(), error));
    }

    /// The recipients cannot be put on the wire as they are.
    pub(super) fn refuse_all(&self, words: &str) {
        self.ledger.close(Fate::Refused, Phase::Mail, words, true);
    }

    /// It ended with one answer for each recipient.
    pub(super) fn ended(&self, delivery: &Delivery) {
        let mut effect = HealthImpact::None;
        let mut tally = Tally::default();
        for (&position, result) in self.open.iter().zip(&delivery.recipients) {
            let (outcome, health) = self.outcome(position, result);
            effect = stronger(effect, health);
            tally.count(outcome.fate);
            self.ledger.write(position, outcome);
        }
        if tally.accepted > 0 {
            self.ledger.accepted_by(self.server.name(), self.server.address());
        }
        tally.log(self.server.name());
        if self.server.note(effect, self.began) {
            probe::after_back_off(self.server);
        }
    }

    fn outcome(&self, position: usize, result: &Result<Reply, Error>) -> (RecipientOutcome, HealthImpact) {
        let (fate, phase, words, health) = match result {
            Ok(_) => (Fate::Accepted, Phase::EndOfData, String::new(), HealthImpact::Healthy),
            Err(error) => {
                let classification = classify(error.phase, &error.kind, self.another);
                let words = words::explain(&self.server.config, error);
                (fate(classification.status), error.phase, words, classification.health)
            }
        };
        let reply = match result {
            Ok(reply) => Some(reply),
            Err(error) => error.reply(),
        };
        let outcome = RecipientOutcome {
            address: self.ledger.address(position),
            fate,
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

fn fate(verdict: RecipientStatus) -> Fate {
    match verdict {
        RecipientStatus::Accepted => Fate::Accepted,
        RecipientStatus::TryNext | RecipientStatus::Deferred => Fate::Later,
        RecipientStatus::Rejected => Fate::Refused,
        RecipientStatus::Unknown => Fate::Unknown,
    }
}

/// The effect that says more about a server: a failure says more than a success, a refused login most.
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

/// How many recipients ended how, for the log.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    open: usize,
    unknown: usize,
}

impl Tally {
    fn count(&mut self, fate: Fate) {
        *match fate {
            Fate::Accepted => &mut self.accepted,
            Fate::Refused => &mut self.refused,
            Fate::Later => &mut self.open,
            Fate::Unknown => &mut self.unknown,
        } += 1;
    }

    fn log(&self, server: &str) {
        let Self { accepted, refused, open, unknown } = self;
        info!(server, accepted, refused, open, unknown, "delivery attempt ended");
    }
}
