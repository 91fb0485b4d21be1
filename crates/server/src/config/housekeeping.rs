//! How long the outbox keeps what has ended, and how much it takes.

use std::time::Duration;

/// How long a message is kept after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Its content: body, attachments, Bcc addresses.
    pub content: Duration,
    /// Its record: subject, addresses, statuses, history. The content is not kept longer.
    pub record: Duration,
}

/// How much an outbox takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// In bytes: what must be left on the disk, besides twice the size of the message.
    pub min_free: u64,
    /// In bytes: how large it may be.
    pub max_size: u64,
    /// How many messages may wait.
    pub max_waiting: u32,
}
