//! The result of one delivery.

use crate::{Error, RecipientStatus, Reply};

/// One result for each recipient, in the envelope's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// `Ok`: the server accepted it, with its reply to the end of the data. `Err`: it did not, or it is unknown;
    /// [`classify`](crate::classify()) tells which.
    pub recipients: Vec<Result<Reply, Error>>,
}

impl Delivery {
    /// The same error for each of `count` recipients.
    pub fn failed(count: usize, error: &Error) -> Self {
        Self { recipients: vec![Err(error.clone()); count] }
    }

    /// Whether the server accepted the message for any recipient.
    pub fn accepted(&self) -> bool {
        self.recipients.iter().any(Result::is_ok)
    }

    /// Whether no recipient was accepted and none is unknown.
    pub fn was_certainly_not_sent(&self) -> bool {
        !self.accepted() && !self.is_unknown()
    }

    /// Whether it is unknown if the server accepted the message for some recipient.
    pub fn is_unknown(&self) -> bool {
        self.errors().any(|error| error.classify().status == RecipientStatus::Unknown)
    }

    /// The errors among the results.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        self.recipients.iter().filter_map(|end| end.as_ref().err())
    }
}
