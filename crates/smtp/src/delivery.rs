//! What became of one delivery.

use crate::{Reply, Trouble};

/// One answer for each recipient, in the envelope's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// `Ok`: the server took responsibility, with its reply to the end of the data. `Err`: it did not, or nobody knows;
    /// [`judge`](crate::judge()) tells which.
    pub recipients: Vec<Result<Reply, Trouble>>,
}

impl Delivery {
    /// The same trouble for each of `count` recipients.
    pub fn failed(count: usize, trouble: &Trouble) -> Self {
        Self { recipients: vec![Err(trouble.clone()); count] }
    }

    /// Whether the server took the message for anyone.
    pub fn accepted(&self) -> bool {
        self.recipients.iter().any(Result::is_ok)
    }

    /// The troubles among the answers.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.recipients.iter().filter_map(|end| end.as_ref().err())
    }
}
