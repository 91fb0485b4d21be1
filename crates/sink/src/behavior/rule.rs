//! Rules: at this stage of the conversation, do this instead of sending the default reply.

mod parse;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Wait;
use crate::glob;

pub use parse::ParseRuleError;

/// What to do at one stage instead of sending the default reply. Clones share their counter.
#[derive(Debug, Clone)]
pub struct Rule {
    stage: Stage,
    /// Matches the path of MAIL or RCPT.
    pattern: String,
    action: Action,
    nth: Option<u64>,
    count: Arc<AtomicU64>,
}

/// A stage of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The greeting. After anything but a 2xx here only QUIT is accepted (RFC 5321 section 3.1).
    Greeting,
    /// EHLO, but not HELO.
    Ehlo,
    /// HELO.
    Helo,
    /// STARTTLS.
    StartTls,
    /// The result of an AUTH exchange, right or wrong.
    Login,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA or BDAT, before any content. After a 354 it goes on even if no recipient was accepted.
    Data,
    /// In the content, after its first bytes.
    Content,
    /// The end of the data; nothing is kept yet.
    EndOfData,
    /// The reply to a mail that is already kept.
    Kept,
    /// RSET.
    Rset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sends this reply, such as `550 5.1.1 nobody here`; `\n` begins another line. With a 2xx, or a 354 to DATA, the
    /// command is carried out. A 421 also closes the connection.
    Reply(String),
    /// Sends the reply byte by byte.
    Drip {
        /// The reply.
        reply: String,
        /// The pause after each byte.
        pause: Duration,
    },
    /// Sends these bytes instead of a reply, and goes on.
    Garbage(Vec<u8>),
    /// Begins a reply with this code and never ends it.
    Endless(u16),
    /// Stays silent, then sends the default reply if the client is still there.
    Stall(Wait),
    /// Closes the connection without a reply.
    HangUp,
    /// Resets the connection.
    Reset,
}

impl Rule {
    /// Does this each time, whatever the path.
    pub fn new(stage: Stage, action: Action) -> Self {
        Self { stage, pattern: "*".to_owned(), action, nth: None, count: Arc::default() }
    }

    /// Only for paths of MAIL or RCPT that match `pattern`, in which `*` stands for any run of characters.
    #[must_use]
    pub fn matching(self, pattern: &str) -> Self {
        Self { pattern: pattern.to_owned(), ..self }
    }

    /// Only the `nth` time, counted from 1 over all connections.
    #[must_use]
    pub fn only(self, nth: u64) -> Self {
        Self { nth: Some(nth), ..self }
    }

    /// What it does.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Whether it acts now. To be called once for each stage of a conversation, because it counts.
    pub(super) fn applies(&self, stage: Stage, path: &str) -> bool {
        if self.stage != stage || !glob::matches(&self.pattern, path) {
            return false;
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        self.nth.is_none_or(|nth| nth == count)
    }
}
