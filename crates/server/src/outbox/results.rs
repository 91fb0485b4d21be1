//! What the operations return.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::types::Queued;
use crate::address::Address;
use crate::outcome::State;

/// What became of a decision about a message that waits for approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// It is as decided.
    Done,
    /// Its time was over: it is cancelled.
    Expired,
    /// It is not the message that the decision was about.
    Changed,
    /// It is in this state, and does not wait for approval.
    NotPending(State),
    /// There is no such message.
    NotFound,
}

/// As many messages were taken as may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverQuota {
    /// How many that are.
    pub limit: u32,
    /// In which time: `hour` or `day`.
    pub window: &'static str,
    /// When there may be another one.
    pub frees: DateTime<Utc>,
}

/// Why the outbox takes no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// So many bytes are free on the disk.
    Disk(u64),
    /// It would be larger than this, in bytes.
    Size(u64),
    /// So many messages wait.
    Waiting(u32),
}

/// How many messages were taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// In the last 60 minutes.
    pub hour: u64,
    /// In the last 24 hours.
    pub day: u64,
}

/// What became of a message that was to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// It was taken.
    New(Queued),
    /// It was taken, and waits until a person approves it.
    Held,
    /// It was not taken.
    OverQuota(OverQuota),
    /// It was not taken.
    NoRoom(NoRoom),
    /// The same request with the same key was taken before.
    Earlier(Uuid),
    /// Another request with the same key was taken before.
    Conflict(Uuid, State),
    /// The same request without a key was taken less than five minutes ago.
    PossibleDuplicate(Uuid, State),
}

/// What a cancellation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// Those who had not got it do not get it.
    Withdrawn,
    /// It is being sent; there is no further attempt.
    Stopping,
    /// It is in this state, in which nothing waits.
    TooLate(State),
    /// There is no such message.
    NotFound,
}

/// What a retry did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// It is queued again.
    Queued {
        /// As it waits.
        queued: Queued,
        /// How many recipients are tried again.
        recipients: usize,
        /// This process can send it.
        is_served: bool,
    },
    /// As many messages were taken as may be.
    OverQuota(OverQuota),
    /// It is in a state in which there is nothing to retry.
    NotNow(State),
    /// These are not among the recipients that did not get it.
    NotAmong(Vec<Address>),
    /// Its content is no longer kept.
    NoContent,
    /// There is no such message.
    NotFound,
}

/// What waits in the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages that wait for an attempt.
    pub queued: u64,
    /// Messages that are being sent.
    pub sending: u64,
    /// Messages whose outcome is unknown.
    pub unknown: u64,
    /// Messages that wait for a person's word.
    pub held: u64,
    /// Of those, the ones that wait for approval.
    pub awaiting_approval: u64,
    /// Since when nothing is sent.
    pub paused_since: Option<DateTime<Utc>>,
    /// Of those that wait for an attempt: no process that is running has an account that can send them.
    pub unserved: u64,
    /// When the oldest of those that wait or are being sent was taken.
    pub oldest: Option<DateTime<Utc>>,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integrity {
    /// What is wrong with the file; empty if nothing is.
    pub problems: Vec<String>,
    /// The number of messages in each state.
    pub counts: Vec<(State, u64)>,
}
