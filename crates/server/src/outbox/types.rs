//! What the operations take and return.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::address::Address;
use crate::config::{Account, OnUnknown, OutboxLimits};
use crate::message::{Digest, Message, MessageInfo};
use crate::outcome::{RecipientOutcome, State};
use crate::policy::Quota;

/// How long a message is tried.
pub const EXPIRES_AFTER: Duration = Duration::from_hours(48);

/// The longest time between two attempts. A message that is due later than that was scheduled by a clock that was wrong.
pub const MAX_BACKOFF: Duration = Duration::from_hours(4);

/// The same request without a key within this time is a possible duplicate.
pub const DUPLICATE_WINDOW: Duration = Duration::from_mins(5);

/// How long an idempotency key is kept after the end of its message, if the record is.
pub const KEY_KEPT: Duration = Duration::from_hours(7 * 24);

/// The shortest time that a record is kept after the end: so that whoever waits for it can read it.
pub(super) const RECORD_KEPT_AT_LEAST: Duration = Duration::from_mins(1);

/// The longest time that a record is kept in memory, where no content is kept after the end.
pub(super) const RECORD_KEPT_IN_MEMORY: Duration = Duration::from_hours(24);

/// Whose message it is: others do not see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// The user of this machine: stdio and the command line.
    Local,
    /// The holder of the HTTP token.
    Http,
}

/// A message to be taken.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Its id, a UUID of version 7.
    pub id: Uuid,
    /// The message.
    pub message: std::sync::Arc<Message>,
    /// Its subject, for lists.
    pub subject: String,
    /// The digest of the request.
    pub request: Digest,
    /// The accounts that may send it.
    pub accounts: Vec<Account>,
    /// Whose it is.
    pub principal: Principal,
    /// The caller's key: the same call with the same key is one message.
    pub idempotency_key: Option<String>,
    /// It may be the same as a message taken a moment ago.
    pub allow_duplicate: bool,
    /// What an unknown outcome leads to.
    pub on_unknown: OnUnknown,
    /// How many messages may be taken.
    pub quota: Quota,
    /// A person must approve it first.
    pub hold: Option<Hold>,
    /// When it is sent.
    pub schedule: Schedule,
    /// Nobody gets it unless the server accepts every recipient.
    pub all_or_nothing: bool,
    /// How much the outbox takes.
    pub limits: OutboxLimits,
}

/// When a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// At once.
    Now,
    /// After this time, in which it can be cancelled.
    After(Duration),
    /// At this time.
    At(DateTime<Utc>),
}

/// That a person must approve a message before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Why, one line each.
    pub reasons: Vec<String>,
    /// How long it waits.
    pub ttl: Duration,
}

/// A message waits until a person approves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Why, one line each.
    pub reasons: Vec<String>,
    /// When it is cancelled.
    pub expires: DateTime<Utc>,
}

/// A message that waits for an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    pub(super) seq: i64,
    /// Its id.
    pub id: Uuid,
    pub(super) token: i64,
    /// The attempts so far.
    pub attempts: u32,
    /// A person approved it.
    pub is_approved: bool,
    /// Nobody gets it unless the server accepts every recipient.
    pub all_or_nothing: bool,
    /// Whose it is.
    pub principal: Principal,
    /// Stands for the accounts that can send it.
    pub(crate) lane: i64,
    /// When it is tried next.
    pub due: DateTime<Utc>,
}

/// A message as it was composed, with the recipients that are still open.
#[derive(Debug)]
pub struct Loaded {
    /// The message.
    pub message: Message,
    /// The open recipients.
    pub open: Vec<RecipientOutcome>,
}

/// The record of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Email {
    /// Its id.
    pub id: Uuid,
    /// Its state.
    pub state: State,
    /// Whose it is.
    pub principal: Principal,
    /// When it was taken.
    pub created: DateTime<Utc>,
    /// When it is tried next, if it is queued.
    pub due: DateTime<Utc>,
    /// Until when it is tried.
    pub expires: DateTime<Utc>,
    /// When it got its final state.
    pub ended: Option<DateTime<Utc>>,
    /// The Message-ID, in angle brackets.
    pub message_id: String,
    /// The sender's address.
    pub sender: String,
    /// The subject.
    pub subject: String,
    /// Its size in bytes.
    pub size: u64,
    /// What results say about it.
    pub info: MessageInfo,
    /// The digest of the request: the same for the same mail.
    pub request: Digest,
    /// The attempts so far.
    pub attempts: u32,
    /// In the order of the message.
    pub recipients: Vec<RecipientOutcome>,
    /// Whether its content is still kept.
    pub has_content: bool,
    /// It waits until a person approves it.
    pub approval: Option<Approval>,
    /// The caller wants it sent then, not earlier.
    pub send_at: Option<DateTime<Utc>>,
    /// Nobody gets it unless the server accepts every recipient.
    pub all_or_nothing: bool,
    /// It was cancelled while it is being sent: there is no further attempt.
    pub is_stopping: bool,
    /// It waits, and nothing is sent since then.
    pub paused_since: Option<DateTime<Utc>>,
    /// It waits, and no process that is running has an account that can send it.
    pub is_unserved: bool,
    /// The other process that is sending it.
    pub sending_by: Option<Process>,
}

/// A process that uses the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id, on its machine and in its PID namespace: for people.
    pub pid: u32,
    /// The name of its machine or container; empty if it is not known.
    pub host: String,
}

/// What tells whether a message has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    pub(super) state: State,
    pub(super) attempts: u32,
    pub(super) steps: u32,
    pub(super) has_content: bool,
}

/// A step in the history of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// What, in one word.
    pub kind: String,
    /// More about it.
    pub detail: Option<String>,
}

/// Which messages to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of this principal.
    pub principal: Option<Principal>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those to this address.
    pub recipient: Option<String>,
    /// Only those before this one.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: usize,
}

/// Which recipients of a message are to be tried again, and how.
#[derive(Debug, Clone)]
pub struct Retry {
    /// The message.
    pub id: Uuid,
    /// Whose it must be; `None`: anybody's.
    pub principal: Option<Principal>,
    /// Only these recipients; none stands for all that did not get it.
    pub only: Vec<Address>,
    /// The accounts that can send it now.
    pub accounts: Vec<Account>,
    /// How many messages may be taken.
    pub quota: Quota,
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.as_str() {
            "" => write!(f, "process {}", self.pid),
            host => write!(f, "process {} on {host}", self.pid),
        }
    }
}

impl Principal {
    /// Its name in the outbox.
    pub fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Http => "http",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Local, Self::Http].into_iter().find(|principal| principal.word() == word)
    }
}
