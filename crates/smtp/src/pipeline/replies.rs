//! What each reply means for its message and for the session.

use super::{Command, Framing, Next, Pipeline};
use crate::{ErrorKind, Phase, Reply};

impl Pipeline<'_> {
    /// Passes in the reply that [`Step::Read`] asked for.
    pub(crate) fn reply(&mut self, reply: Reply) {
        let Some((message, command)) = self.expected.pop_front() else {
            return;
        };
        let is_out_of_place = reply.code < 200 || (reply.code / 100 == 3 && command != Command::Data);
        if reply.code == 421 || (is_out_of_place && command != Command::Rset) {
            return self.fail_at(message, command.phase(), &ErrorKind::Reply(reply));
        }
        if self.refuses_pipelining(command, &reply) && self.is_refused_alone(message, command) {
            let kind = ErrorKind::RefusesExtension("PIPELINING", reply);
            return self.fail_at(message, command.phase(), &kind);
        }
        self.session.active = true;
        match command {
            Command::Rset => self.after_rset(message, &reply),
            Command::Mail => self.after_mail(message, reply),
            Command::Rcpt(index) => {
                self.session.in_sync &= self.messages[message].after_rcpt(index, reply);
            }
            Command::Data => self.after_data(message, reply),
            Command::End(framing) => self.after_end(message, framing, reply),
            Command::LoneDot => self.session.in_sync = reply.code >= 400 || reply.is_positive(),
        }
        if !self.session.in_sync && self.expected.is_empty() {
            return self.fail(&ErrorKind::Closed);
        }
        if self.next == Next::Replies && self.expected.is_empty() {
            self.next = self.after_envelope_replies();
        }
    }

    /// The envelope was answered before DATA or BDAT was sent.
    fn after_envelope_replies(&mut self) -> Next {
        match (self.messages[self.begun - 1].wants_content(), self.extensions.chunking) {
            (false, _) => Next::Begin,
            (true, true) => Next::Content(Framing::Chunk),
            (true, false) => Next::Data,
        }
    }

    /// Some servers and what stands before them offer PIPELINING and then refuse it, in words alone; those about an address do not count.
    fn refuses_pipelining(&self, command: Command, reply: &Reply) -> bool {
        let text = reply.text.to_ascii_lowercase();
        let mut words = text.split_whitespace().filter(|word| !word.contains('@'));
        self.extensions.pipelining
            && matches!(reply.code, 500..=504 | 550 | 554)
            && !matches!(command, Command::End(Framing::Dot) | Command::LoneDot)
            && words.any(|word| word.contains("pipelining") || word.contains("synchroni"))
    }

    /// Whether the reply to this command refuses all that was sent: no content is unanswered that the server may yet accept.
    fn is_refused_alone(&self, message: usize, command: Command) -> bool {
        let is_refused = matches!(command, Command::Mail | Command::End(_));
        let may_be_accepted = |index: usize| self.messages[index].is_handed_over();
        (is_refused || !may_be_accepted(message)) && !(message + 1..self.begun).any(may_be_accepted)
    }

    /// A server that refuses RSET may still hold the sender of the refused message: nothing may be sent over it.
    fn after_rset(&mut self, message: usize, reply: &Reply) {
        if reply.is_positive() {
            return;
        }
        if self.messages[message].is_handed_over() {
            self.messages[message].note_refused_reset();
            self.session.in_sync = false;
            return;
        }
        self.fail_at(message, Phase::Mail, &ErrorKind::Garbage(format!("RSET was answered {reply}")));
    }

    fn after_mail(&mut self, message: usize, reply: Reply) {
        self.session.clean = false;
        let is_refused = !reply.is_positive();
        self.messages[message].after_mail(reply);
        let is_current = message + 1 == self.begun;
        if is_refused && is_current && matches!(self.next, Next::Rcpt(_) | Next::Data) {
            self.next = Next::Begin;
        }
    }

    fn after_data(&mut self, message: usize, reply: Reply) {
        let transaction = &mut self.messages[message];
        self.next = match (reply.code, transaction.any_accepted()) {
            (354, true) => Next::Content(Framing::Dot),
            (354, false) if self.session.in_sync => Next::LoneDot,
            (354, false) => Next::Begin,
            _ => {
                self.session.in_sync &= reply.code >= 400;
                transaction.after_refused_data(reply);
                Next::Begin
            }
        };
    }

    fn after_end(&mut self, message: usize, framing: Framing, reply: Reply) {
        let transaction = &mut self.messages[message];
        let knew_bdat = self.session.knows_bdat;
        self.session.knows_bdat |= framing == Framing::Chunk;
        self.session.clean = reply.is_positive();
        if reply.is_positive() && !transaction.is_handed_over() {
            return self.fail_at(message, Phase::Data, &ErrorKind::Closed);
        }
        // The syntax or the sequence of a command, where the server has accepted all that comes before it.
        let is_blamed = matches!(reply.code, 500..=504) && transaction.any_accepted() && !knew_bdat;
        if framing == Framing::Chunk && is_blamed {
            let kind = ErrorKind::RefusesExtension("CHUNKING", reply);
            return self.fail_at(message, Phase::EndOfData, &kind);
        }
        transaction.after_end(reply);
    }
}
