//! Rules: at this moment, do this instead of the duty.

mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Wait;
use crate::glob;

pub use text::WrongRule;

/// At this moment, do this instead of the duty. Clones count their times together.
#[derive(Debug, Clone)]
pub struct Rule {
    at: At,
    act: Act,
    nth: Option<u64>,
    met: Arc<AtomicU64>,
}

/// A moment of the conversation, as a rule names it. Patterns know `*` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// The greeting. Anything but a yes here leaves only QUIT (RFC 5321 section 3.1).
    Greeting,
    /// EHLO; HELO is left alone.
    Ehlo,
    /// HELO.
    Helo,
    /// STARTTLS.
    StartTls,
    /// The end of a login, right or wrong.
    Login,
    /// MAIL with a reverse path that fits.
    Sender(String),
    /// RCPT with a forward path that fits.
    Recipient(String),
    /// DATA or BDAT, before any content. With a 354 it goes on even where nobody was accepted.
    Data,
    /// In the content, after its first bytes.
    Content,
    /// The end of the content, of which nothing is kept yet.
    EndOfData,
    /// The reply to a mail that is kept already.
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
pub enum Act {
    /// Says this, such as `550 5.1.1 nobody here`; `\n` begins a further line. A reply that says yes, or 354 to DATA,
    /// comes with the duty done. A 421 also closes the connection.
    Reply(String),
    /// The same byte by byte.
    Drip {
        /// What it says.
        reply: String,
        /// How long it pauses behind each byte.
        pause: Duration,
    },
    /// Says these bytes instead of a reply, and goes on.
    Garbage(Vec<u8>),
    /// Begins a reply with this code, and never ends it.
    Endless(u16),
    /// Keeps silent, and does its duty if the client is still there then.
    Stall(Wait),
    /// Closes the connection without a word.
    HangUp,
    /// Resets the connection.
    Reset,
}

/// The same moment as the session meets it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment<'a> {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Login,
    Sender(&'a str),
    Recipient(&'a str),
    Data,
    Content,
    EndOfData,
    Kept,
    Rset,
    Noop,
    Quit,
}

impl Rule {
    /// Does this each time.
    pub fn new(at: At, act: Act) -> Self {
        Self { at, act, nth: None, met: Arc::default() }
    }

    /// Does it the `nth` time only, counted from 1 over all connections.
    #[must_use]
    pub fn only(self, nth: u64) -> Self {
        Self { nth: Some(nth), ..self }
    }

    /// What it does.
    pub fn act(&self) -> &Act {
        &self.act
    }

    /// Whether it acts now. Each moment that it covers is to be asked about once, because it counts.
    pub(super) fn fits(&self, moment: Moment<'_>) -> bool {
        if !self.at.covers(moment) {
            return false;
        }
        let time = self.met.fetch_add(1, Ordering::Relaxed) + 1;
        self.nth.is_none_or(|nth| nth == time)
    }
}

impl At {
    fn covers(&self, moment: Moment<'_>) -> bool {
        match (self, moment) {
            (Self::Sender(pattern), Moment::Sender(path)) => glob::fits(pattern, path),
            (Self::Recipient(pattern), Moment::Recipient(path)) => glob::fits(pattern, path),
            (Self::Greeting, Moment::Greeting)
            | (Self::Ehlo, Moment::Ehlo)
            | (Self::Helo, Moment::Helo)
            | (Self::StartTls, Moment::StartTls)
            | (Self::Login, Moment::Login)
            | (Self::Data, Moment::Data)
            | (Self::Content, Moment::Content)
            | (Self::EndOfData, Moment::EndOfData)
            | (Self::Kept, Moment::Kept)
            | (Self::Rset, Moment::Rset)
            | (Self::Noop, Moment::Noop)
            | (Self::Quit, Moment::Quit) => true,
            _ => false,
        }
    }
}
