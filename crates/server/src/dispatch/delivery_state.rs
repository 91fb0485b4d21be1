//! The state of a delivery: written by the delivery, read by the caller that waits for it.

use std::sync::{Mutex, PoisonError};

use smtp_submission::Phase;

use crate::address::Address;
use crate::message::Message;
use crate::outcome::{RecipientOutcome, RecipientStatus};

/// The recipients, in the message's order.
pub(super) struct DeliveryState(Mutex<Inner>);

struct Inner {
    recipients: Vec<Recipient>,
    server: Option<(String, String)>,
}

struct Recipient {
    outcome: RecipientOutcome,
    done: bool,
}

impl DeliveryState {
    /// A state in which every recipient is open.
    pub(super) fn new(message: &Message) -> Self {
        let open = |address: &Address| Recipient {
            outcome: RecipientOutcome {
                address: address.clone(),
                status: RecipientStatus::Deferred,
                phase: Phase::Connect,
                words: String::new(),
                code: None,
                enhanced_code: None,
                reply: None,
                server: None,
            },
            done: false,
        };
        Self(Mutex::new(Inner { recipients: message.recipients.iter().map(open).collect(), server: None }))
    }

    /// The positions of the recipients without a final status.
    pub(super) fn open(&self) -> Vec<usize> {
        self.with(|inner| (0..inner.recipients.len()).filter(|&at| !inner.recipients[at].done).collect())
    }

    /// The recipient at `position`, as the message names it.
    pub(super) fn address(&self, position: usize) -> Address {
        self.with(|inner| inner.recipients[position].outcome.address.clone())
    }

    /// Records the outcome for the recipient at `position`; `Deferred` leaves it open.
    pub(super) fn write(&self, position: usize, outcome: RecipientOutcome) {
        self.with(|inner| {
            if let Some(recipient) = inner.recipients.get_mut(position).filter(|recipient| !recipient.done) {
                recipient.done = outcome.status != RecipientStatus::Deferred;
                recipient.outcome = outcome;
            }
        });
    }

    /// Sets status and message of all open recipients; with `again` false only of those without a message.
    /// `Deferred` leaves them open.
    pub(super) fn close(&self, status: RecipientStatus, phase: Phase, words: &str, again: bool) {
        self.with(|inner| {
            for recipient in inner.recipients.iter_mut().filter(|recipient| !recipient.done) {
                recipient.done = status != RecipientStatus::Deferred;
                if again || recipient.outcome.words.is_empty() {
                    recipient.outcome.status = status;
                    recipient.outcome.phase = phase;
                    words.clone_into(&mut recipient.outcome.words);
                }
            }
        });
    }

    /// Records the server that is tried, by its name and `host:port`, unless one has accepted the message.
    pub(super) fn try_server(&self, name: &str, address: String) {
        self.with(|inner| {
            if !inner.recipients.iter().any(|recipient| recipient.outcome.status == RecipientStatus::Accepted)
            {
                inner.server = Some((name.to_owned(), address));
            }
        });
    }

    /// Records the server that accepted the message.
    pub(super) fn accepted_by(&self, name: &str, address: String) {
        self.with(|inner| inner.server = Some((name.to_owned(), address)));
    }

    /// The current state: the recipients, and the server used last.
    pub(super) fn read(&self) -> (Vec<RecipientOutcome>, Option<(String, String)>) {
        self.with(|inner| {
            (
                inner.recipients.iter().map(|recipient| recipient.outcome.clone()).collect(),
                inner.server.clone(),
            )
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
