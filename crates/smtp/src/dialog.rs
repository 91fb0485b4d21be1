//! One transaction as a pure state machine: which bytes form each flight, and what each reply means for each recipient.
//!
//! It asks for one [`Step`] after the other and is told every reply in order, or how the connection failed. It never
//! sees a socket, so a test is a list of replies.

use std::collections::VecDeque;

use crate::command::{self, Declared};
use crate::content::Examined;
use crate::{Cause, Delivery, Envelope, Offers, Phase, Reply, Trouble};

/// The most recipients of one flight: their replies must fit into the buffers between the two ends while we still write.
const RCPT_FLIGHT: usize = 200;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write these bytes at once.
    Send(Vec<u8>),
    /// Read one reply and tell it; the phase is for failures and time limits.
    Read(Phase),
    /// Write the content, claim the hand-over, write the end, and go on.
    Content,
    /// The transaction is over.
    Done,
}

/// Whose reply comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Rset,
    Mail,
    Rcpt(usize),
    Data,
    End,
    LoneDot,
}

/// What is sent next once no reply is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Rset,
    Mail,
    Rcpt(usize),
    Data,
    Content,
    LoneDot,
    Nothing,
}

/// How far one recipient has come.
#[derive(Debug, Clone)]
enum Fate {
    Open,
    Taken,
    Ended(Result<Reply, Trouble>),
}

/// One transaction.
#[derive(Debug)]
pub struct Dialog<'a> {
    envelope: &'a Envelope,
    offers: &'a Offers,
    declared: Declared,
    next: Next,
    due: VecDeque<Due>,
    mail_refused: bool,
    fates: Vec<Fate>,
    in_step: bool,
    clean: bool,
}

/// Why a message cannot go to a server with these offers, known before a byte is sent.
///
/// # Errors
/// The trouble that every recipient gets.
pub fn check(envelope: &Envelope, content: Examined, offers: &Offers) -> Result<Declared, Trouble> {
    let cannot = |cause| Err(Trouble::new(Phase::Mail, cause));
    if !content.crlf_throughout {
        return cannot(Cause::LineEnds);
    }
    let paths = envelope.sender.iter().chain(&envelope.recipients);
    let smtputf8 = content.smtputf8 || paths.into_iter().any(crate::Path::needs_smtputf8);
    if smtputf8 && !offers.smtputf8 {
        return cannot(Cause::NeedsSmtpUtf8);
    }
    let Examined { size, eight_bit, .. } = content;
    if eight_bit && !offers.eight_bit_mime {
        return cannot(Cause::Needs8BitMime);
    }
    match offers.size_limit {
        Some(limit) if size > limit => cannot(Cause::TooLarge { size, limit }),
        _ => Ok(Declared { size, eight_bit, smtputf8 }),
    }
}

impl<'a> Dialog<'a> {
    /// A transaction on a session that is `clean`, or that carried a refused one and needs RSET first.
    pub fn new(envelope: &'a Envelope, offers: &'a Offers, declared: Declared, clean: bool) -> Self {
        let next = match (envelope.recipients.is_empty(), clean) {
            (true, _) => Next::Nothing,
            (_, true) => Next::Mail,
            (_, false) => Next::Rset,
        };
        let fates = vec![Fate::Open; envelope.recipients.len()];
        Self {
            envelope,
            offers,
            declared,
            next,
            due: VecDeque::new(),
            mail_refused: false,
            fates,
            in_step: true,
            clean,
        }
    }

    /// What to do next. Each step is to be done before the next is asked for.
    pub fn step(&mut self) -> Step {
        if let Some(due) = self.due.front() {
            return Step::Read(due.phase());
        }
        match self.next {
            Next::Nothing => Step::Done,
            Next::Content => {
                self.due.push_back(Due::End);
                self.next = Next::Nothing;
                Step::Content
            }
            Next::LoneDot => {
                self.due.push_back(Due::LoneDot);
                self.next = Next::Nothing;
                Step::Send(b".\r\n".to_vec())
            }
            _ => Step::Send(self.flight()),
        }
    }

    /// Tells the reply that [`Step::Read`] asked for.
    pub fn reply(&mut self, reply: Reply) {
        let Some(due) = self.due.pop_front() else {
            return;
        };
        // A server that asks for more where there is nothing more to say has lost its place, or we have.
        let out_of_place = reply.code / 100 == 3 && matches!(due, Due::Mail | Due::Rcpt(_));
        if reply.code == 421 || out_of_place {
            return self.fail(due.phase(), Cause::Reply(reply));
        }
        match due {
            Due::Rset => self.after_rset(&reply),
            Due::Mail => self.after_mail(reply),
            Due::Rcpt(index) => self.after_rcpt(index, reply),
            Due::Data => self.after_data(reply),
            Due::End => self.after_end(reply),
            Due::LoneDot => self.in_step = reply.code >= 400 || reply.is_positive(),
        }
    }

    /// Tells that the conversation is over: every recipient without a final answer of its own gets this trouble.
    pub fn fail(&mut self, phase: Phase, cause: Cause) {
        self.end_all(|fate| !matches!(fate, Fate::Ended(_)), &Err(Trouble::new(phase, cause)));
        self.due.clear();
        self.next = Next::Nothing;
        self.in_step = false;
    }

    /// The phase of the reply that is due, for a flight that could not be written.
    pub fn phase(&self) -> Phase {
        self.due.front().map_or(Phase::Content, |due| due.phase())
    }

    /// Whether the session may carry another transaction.
    pub fn is_in_step(&self) -> bool {
        self.in_step && self.due.is_empty() && self.next == Next::Nothing
    }

    /// Whether the next transaction may begin without RSET.
    pub fn is_clean(&self) -> bool {
        self.clean
    }

    /// What became of each recipient.
    pub fn into_delivery(self) -> Delivery {
        let lost = || Trouble::new(Phase::Content, Cause::Closed);
        let recipients = self.fates.into_iter().map(|fate| match fate {
            Fate::Ended(end) => end,
            Fate::Open | Fate::Taken => Err(lost()),
        });
        Delivery { recipients: recipients.collect() }
    }

    /// Everything that may be sent before a reply must be read: one command without PIPELINING (RFC 2920, section 3.1).
    fn flight(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut recipients = 0;
        loop {
            match self.next {
                Next::Rset => {
                    out.extend_from_slice(b"RSET\r\n");
                    self.sent(Due::Rset, Next::Mail);
                }
                Next::Mail => {
                    command::mail(&mut out, self.envelope, self.declared, self.offers);
                    self.clean = false;
                    self.sent(Due::Mail, Next::Rcpt(0));
                }
                Next::Rcpt(index) => {
                    command::rcpt(&mut out, &self.envelope.recipients[index]);
                    recipients += 1;
                    let more = index + 1 < self.envelope.recipients.len();
                    self.sent(Due::Rcpt(index), if more { Next::Rcpt(index + 1) } else { Next::Data });
                }
                Next::Data => {
                    out.extend_from_slice(b"DATA\r\n");
                    self.sent(Due::Data, Next::Nothing);
                }
                Next::Content | Next::LoneDot | Next::Nothing => return out,
            }
            let full = recipients == RCPT_FLIGHT && matches!(self.next, Next::Rcpt(_));
            if !self.offers.pipelining || full {
                return out;
            }
        }
    }

    fn sent(&mut self, due: Due, next: Next) {
        self.due.push_back(due);
        self.next = next;
    }

    /// A server that refuses RSET may still hold the sender of the refused message: nothing may be sent over it.
    fn after_rset(&mut self, reply: &Reply) {
        if !reply.is_positive() {
            self.fail(Phase::Mail, Cause::Garbage(format!("RSET was answered {reply}")));
        }
    }

    fn after_mail(&mut self, reply: Reply) {
        if reply.is_positive() {
            return;
        }
        self.mail_refused = true;
        self.end_all(|_| true, &Err(Trouble::new(Phase::Mail, Cause::Reply(reply))));
        self.next = Next::Nothing;
    }

    fn after_rcpt(&mut self, index: usize, reply: Reply) {
        match (self.mail_refused, reply.is_positive()) {
            // The server took a recipient without a sender: a lone dot could send it an empty message.
            (true, true) => self.in_step = false,
            (true, false) => {}
            (false, true) => self.fates[index] = Fate::Taken,
            (false, false) => {
                self.fates[index] = Fate::Ended(Err(Trouble::new(Phase::Rcpt, Cause::Reply(reply))));
            }
        }
        if self.next == Next::Data && self.due.is_empty() && !self.anyone_taken() {
            self.next = Next::Nothing;
        }
    }

    fn after_data(&mut self, reply: Reply) {
        match (reply.code, self.anyone_taken()) {
            (354, true) => self.next = Next::Content,
            (354, false) if self.in_step => self.next = Next::LoneDot,
            (354, false) => {}
            _ => {
                self.in_step &= reply.code >= 400;
                self.end_all(
                    |fate| matches!(fate, Fate::Taken),
                    &Err(Trouble::new(Phase::Content, Cause::Reply(reply))),
                );
            }
        }
    }

    fn after_end(&mut self, reply: Reply) {
        self.clean = reply.is_positive();
        self.in_step = reply.is_positive() || reply.code >= 400;
        let end =
            if reply.is_positive() { Ok(reply) } else { Err(Trouble::new(Phase::End, Cause::Reply(reply))) };
        self.end_all(|fate| matches!(fate, Fate::Taken), &end);
    }

    fn anyone_taken(&self) -> bool {
        self.fates.iter().any(|fate| matches!(fate, Fate::Taken))
    }

    fn end_all(&mut self, concerned: impl Fn(&Fate) -> bool, end: &Result<Reply, Trouble>) {
        for fate in self.fates.iter_mut().filter(|fate| concerned(fate)) {
            *fate = Fate::Ended(end.clone());
        }
    }
}

impl Due {
    fn phase(self) -> Phase {
        match self {
            Self::Rset | Self::Mail => Phase::Mail,
            Self::Rcpt(_) => Phase::Rcpt,
            Self::Data | Self::LoneDot => Phase::Content,
            Self::End => Phase::End,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
