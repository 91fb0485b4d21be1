//! What may be written next, and writing it.

use super::{Command, Framing, MAX_BYTES, MAX_MESSAGES, MAX_REPLIES, Next, Part, Pipeline, Step};
use crate::{Error, ErrorKind, Phase, command};

impl Pipeline<'_> {
    pub(super) fn may_write(&self) -> bool {
        if !self.session.in_sync || (!self.extensions.pipelining && !self.expected.is_empty()) {
            return false;
        }
        match self.next {
            Next::Begin => self.has_room(),
            Next::Rcpt(index) => index == 0 || index % MAX_REPLIES != 0 || self.expected.is_empty(),
            Next::Replies => false,
            _ => true,
        }
    }

    /// Whether another message may be begun while others have no outcome yet.
    fn has_room(&self) -> bool {
        let Some(message) = self.messages.get(self.begun) else {
            return false;
        };
        let Some((oldest, _)) = self.expected.front() else {
            return true;
        };
        // A server that does not know BDAT takes the content for commands, and its replies for those to what follows.
        if self.extensions.chunking && !self.session.knows_bdat {
            return false;
        }
        let replies = message.envelope.recipients.len() + 3;
        let bytes: u64 = self.messages[*oldest..self.begun].iter().map(|one| one.params.size).sum();
        self.begun - oldest < MAX_MESSAGES
            && self.expected.len() + replies <= MAX_REPLIES
            && (!self.fits_one_flight(self.begun) || bytes + message.params.size <= MAX_BYTES)
    }

    /// Whether the content may be sent before the envelope is answered.
    fn fits_one_flight(&self, message: usize) -> bool {
        let message = &self.messages[message];
        self.extensions.pipelining
            && self.extensions.chunking
            && self.session.active
            && !message.all_or_nothing
            && message.params.size <= MAX_BYTES
            && message.envelope.recipients.len() + 3 <= MAX_REPLIES
    }

    pub(super) fn is_large(&self, message: usize) -> bool {
        self.messages[message].params.size > MAX_BYTES
    }

    pub(super) fn begin(&mut self, commit: &mut impl FnMut(usize) -> bool) {
        let message = self.begun;
        self.begun += 1;
        self.one_flight = self.fits_one_flight(message);
        if self.messages[message].envelope.recipients.is_empty() {
            return;
        }
        if self.one_flight && !self.commit(message, commit) {
            return;
        }
        let is_clean = self.session.clean && self.expected.is_empty();
        self.next = if is_clean { Next::Mail } else { Next::Rset };
    }

    /// From here on the last byte of this message counts as handed over. False: it was cancelled.
    fn commit(&mut self, message: usize, commit: &mut impl FnMut(usize) -> bool) -> bool {
        let goes_on = commit(message);
        if goes_on {
            self.messages[message].set_handed_over(true);
        } else {
            self.messages[message].end_all(&Error::new(Phase::Data, ErrorKind::Cancelled));
        }
        goes_on
    }

    pub(super) fn write_command(&mut self, flight: &mut Vec<Part>) {
        let current = self.begun - 1;
        let message = &self.messages[current];
        let has_outcome = self.expected.is_empty() && !message.any_accepted();
        let mut line = Vec::new();
        let (command, next) = match self.next {
            Next::Rset => {
                line.extend_from_slice(b"RSET\r\n");
                (Command::Rset, Next::Mail)
            }
            Next::Mail => {
                command::mail(&mut line, message.envelope, message.params, self.extensions);
                (Command::Mail, Next::Rcpt(0))
            }
            Next::Rcpt(index) => {
                command::rcpt(&mut line, &message.envelope.recipients[index]);
                let is_last = index + 1 == message.envelope.recipients.len();
                (Command::Rcpt(index), if is_last { self.after_recipients() } else { Next::Rcpt(index + 1) })
            }
            Next::Data if has_outcome => {
                self.next = Next::Begin;
                return;
            }
            Next::Data => {
                line.extend_from_slice(b"DATA\r\n");
                (Command::Data, Next::Replies)
            }
            Next::LoneDot => {
                line.extend_from_slice(b".\r\n");
                (Command::LoneDot, Next::Begin)
            }
            Next::Begin | Next::Content(_) | Next::Replies => return,
        };
        push_commands(flight, &line);
        self.expected.push_back((current, command));
        self.next = next;
    }

    /// What follows the last RCPT.
    fn after_recipients(&self) -> Next {
        let waits = self.extensions.chunking || self.messages[self.begun - 1].all_or_nothing;
        match (self.one_flight, waits) {
            (true, _) => Next::Content(Framing::Chunk),
            (false, true) => Next::Replies,
            (false, false) => Next::Data,
        }
    }

    pub(super) fn write_content(
        &mut self,
        flight: &mut Vec<Part>,
        framing: Framing,
        commit: &mut impl FnMut(usize) -> bool,
    ) {
        let message = self.begun - 1;
        self.next = Next::Begin;
        if !self.one_flight && !self.commit(message, commit) {
            // The server that waits for the content of DATA takes whatever comes for it.
            if framing == Framing::Dot {
                self.fail(&ErrorKind::Closed);
            }
            return;
        }
        if framing == Framing::Chunk {
            push_commands(flight, &command::bdat(self.messages[message].params.size));
        }
        flight.push(Part::Content(message, framing));
        self.expected.push_back((message, Command::End(framing)));
    }

    pub(super) fn upload(&mut self, framing: Framing) -> Step {
        let message = self.begun - 1;
        self.next = Next::Begin;
        self.expected.push_back((message, Command::End(framing)));
        Step::Upload(message, framing)
    }
}

/// Adds a command to the commands at the end of the flight.
fn push_commands(flight: &mut Vec<Part>, line: &[u8]) {
    match flight.last_mut() {
        Some(Part::Commands(commands)) => commands.extend_from_slice(line),
        _ => flight.push(Part::Commands(line.to_vec())),
    }
}
