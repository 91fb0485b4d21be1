//! Messages over one session as a pure state machine: what is written together (RFC 2920, RFC 3030), and to which command a reply
//! belongs.
//!
//! It returns one [`Step`] after the other and is given every reply in order, or how the connection failed. It never touches a
//! socket, so a test is a list of replies. How a message is sent depends on what the server offers:
//!
//! * PIPELINING and CHUNKING: the envelope and the content in one flight, of several messages at a time; large contents, and those
//!   for all recipients or none, after the envelope's replies
//! * PIPELINING: the envelope in one flight; then the content, together with the envelope of the next message
//! * neither: one command at a time
//!
//! On a session that was idle the first content waits for the replies to its envelope, because the peer may be gone.

mod replies;
mod writing;

use std::collections::VecDeque;

use crate::transaction::Transaction;
use crate::{Delivery, ErrorKind, Extensions, Phase};

/// The most messages whose outcome is open at a time: as many may be unknown after a failure.
pub(crate) const MAX_MESSAGES: usize = 16;
/// The most bytes of content of those messages, and the largest content that is sent before its envelope is answered.
const MAX_BYTES: u64 = 256 << 10;
/// The most replies that are outstanding: they must fit into the buffers between the two ends while we still write.
const MAX_REPLIES: usize = 200;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Write these parts at once.
    Write(Vec<Part>),
    /// Write the content of this message, commit before its last bytes, and call [`Pipeline::uploaded`].
    Upload(usize, Framing),
    /// Read one reply and pass it to [`Pipeline::reply`].
    Read(Awaited),
    /// Every message has its outcome, or the session is over.
    Done,
}

/// A part of what is written at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Commands.
    Commands(Vec<u8>),
    /// The whole content of this message.
    Content(usize, Framing),
}

/// How a content is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// DATA: dot-stuffed, until a lone dot (RFC 5321, section 4.5.2).
    Dot,
    /// BDAT: as it is, its length is declared (RFC 3030).
    Chunk,
}

/// A reply that is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Awaited {
    /// To which command.
    pub(crate) phase: Phase,
    /// The message's last byte was handed over: only the reply tells what became of it.
    pub(crate) decides: bool,
}

/// What is known of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionState {
    /// It may carry another message: every command was answered, with a positive or a negative reply.
    pub(crate) in_sync: bool,
    /// The last message was accepted, so the next one needs no RSET.
    pub(crate) clean: bool,
    /// The server answered a moment ago.
    pub(crate) active: bool,
    /// The server has answered BDAT before: it really knows it.
    pub(crate) knows_bdat: bool,
}

/// A command whose reply is outstanding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Rset,
    Mail,
    Rcpt(usize),
    Data,
    End(Framing),
    LoneDot,
}

/// What is written next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The next message.
    Begin,
    Rset,
    Mail,
    Rcpt(usize),
    Data,
    Content(Framing),
    LoneDot,
    /// Nothing before the current message's replies were read.
    Replies,
}

/// Messages on their way over one session.
#[derive(Debug)]
pub(crate) struct Pipeline<'a> {
    extensions: &'a Extensions,
    session: SessionState,
    messages: Vec<Transaction<'a>>,
    /// How many were begun; the last of them may be written in part.
    begun: usize,
    /// How many outcomes were taken.
    taken: usize,
    next: Next,
    one_flight: bool,
    expected: VecDeque<(usize, Command)>,
}

impl<'a> Pipeline<'a> {
    pub(crate) fn new(
        messages: Vec<Transaction<'a>>,
        extensions: &'a Extensions,
        session: SessionState,
    ) -> Self {
        let expected = VecDeque::new();
        let (begun, taken, next, one_flight) = (0, 0, Next::Begin, false);
        Self { extensions, session, messages, begun, taken, next, one_flight, expected }
    }

    /// What to do next. Each step is to be done before the next is requested.
    ///
    /// `commit` is asked before the last byte of a message becomes part of a flight. False: the message was cancelled.
    pub(crate) fn step(&mut self, mut commit: impl FnMut(usize) -> bool) -> Step {
        let mut flight = Vec::new();
        while self.may_write() {
            match self.next {
                Next::Begin => self.begin(&mut commit),
                Next::Content(_) if self.is_large(self.begun - 1) && !flight.is_empty() => break,
                Next::Content(framing) if self.is_large(self.begun - 1) => return self.upload(framing),
                Next::Content(framing) => self.write_content(&mut flight, framing, &mut commit),
                _ => self.write_command(&mut flight),
            }
        }
        if flight.is_empty() { self.awaited() } else { Step::Write(flight) }
    }

    /// The next reply, where nothing may be written any more.
    pub(crate) fn awaited(&self) -> Step {
        let Some((message, command)) = self.expected.front() else {
            return Step::Done;
        };
        Step::Read(Awaited { phase: command.phase(), decides: self.messages[*message].is_handed_over() })
    }

    /// Whether every command was answered and something is to be written: the server has nothing to say now.
    pub(crate) fn is_quiet(&self) -> bool {
        let has_more = self.begun < self.messages.len() || self.next != Next::Begin;
        self.session.in_sync && self.expected.is_empty() && has_more
    }

    /// Whether a content was handed over whose reply comes after the next one.
    pub(crate) fn has_content_behind(&self) -> bool {
        let mut behind = self.expected.iter().skip(1);
        behind.any(|(message, _)| self.messages[*message].is_handed_over())
    }

    /// The phase in which the session is, for a failure.
    pub(crate) fn phase(&self) -> Phase {
        match (self.expected.front(), self.next) {
            (Some((message, Command::End(_))), _) if !self.messages[*message].is_handed_over() => Phase::Data,
            (Some((_, command)), _) => command.phase(),
            (None, Next::Begin | Next::Rset | Next::Mail) => Phase::Mail,
            (None, Next::Rcpt(_) | Next::Replies) => Phase::Rcpt,
            (None, Next::Data | Next::Content(_) | Next::LoneDot) => Phase::Data,
        }
    }

    /// Whether the last byte of this message may have been handed to the socket.
    pub(crate) fn set_handed_over(&mut self, message: usize, handed_over: bool) {
        self.messages[message].set_handed_over(handed_over);
    }

    /// The session failed: ends every message without an outcome.
    pub(crate) fn fail(&mut self, kind: &ErrorKind) {
        let message = self.expected.front().map_or(self.begun.saturating_sub(1), |(message, _)| *message);
        self.fail_at(message, self.phase(), kind);
    }

    /// The outcome of the next message, in order, once it is known.
    pub(crate) fn take_outcome(&mut self) -> Option<(usize, Delivery)> {
        let index = self.taken;
        let is_answered = self.expected.front().is_none_or(|(message, _)| *message > index);
        let is_written = index + 1 < self.begun || (index + 1 == self.begun && self.next == Next::Begin);
        if !is_answered || !is_written {
            return None;
        }
        self.taken += 1;
        Some((index, self.messages[index].delivery()))
    }

    /// What the next message finds.
    pub(crate) fn session(&self) -> SessionState {
        self.session
    }

    fn fail_at(&mut self, message: usize, phase: Phase, kind: &ErrorKind) {
        // What the server said about this message is not told to others.
        let behind = match kind {
            ErrorKind::Reply(reply) if reply.code != 421 => &ErrorKind::Closed,
            ErrorKind::Reply(_) | ErrorKind::RefusesExtension(..) => &ErrorKind::ClosedBefore,
            ErrorKind::Cancelled | ErrorKind::Garbage(_) => &ErrorKind::Closed,
            _ => kind,
        };
        for (index, transaction) in self.messages.iter_mut().enumerate().skip(self.taken) {
            match index == message {
                true => transaction.fail(phase, kind),
                false => transaction.fail(Phase::Mail, behind),
            }
        }
        self.expected.clear();
        self.begun = self.messages.len();
        self.next = Next::Begin;
        self.session.in_sync = false;
    }
}

impl Command {
    fn phase(self) -> Phase {
        match self {
            Self::Rset | Self::Mail => Phase::Mail,
            Self::Rcpt(_) => Phase::Rcpt,
            Self::Data | Self::LoneDot => Phase::Data,
            Self::End(_) => Phase::EndOfData,
        }
    }
}

#[cfg(any(test, feature = "fuzz"))]
#[expect(clippy::unwrap_used, clippy::expect_used, reason = "what it checks is told by a panic")]
#[cfg_attr(not(feature = "fuzz"), expect(unreachable_pub, reason = "only the fuzz target reaches it"))]
pub mod any_server;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
