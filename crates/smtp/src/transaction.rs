//! One transaction as a pure state machine: which commands are sent as one group (RFC 2920), and what each reply means for each recipient.
//!
//! It returns one [`TransactionStep`] after the other and is given every reply in order, or how the connection failed. It never
//! touches a socket, so a test is a list of replies.

use std::collections::VecDeque;

use crate::command::{self, MailParams};
use crate::content::ContentInfo;
use crate::recipient_limit::{may_be_recipient_limit, names_recipient_limit};
use crate::{Delivery, Envelope, Error, ErrorKind, Extensions, Phase, Reply};

/// The most recipients of one group: their replies must fit into the buffers between the two ends while we still write.
const MAX_RCPT_IN_GROUP: usize = 200;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionStep {
    /// Write these bytes at once.
    Send(Vec<u8>),
    /// Read one reply and pass it to [`Transaction::reply`]; the phase is for failures and time limits.
    Read(Phase),
    /// Write the content, commit, write the end, and go on.
    Content,
    /// The transaction is over.
    Done,
}

/// The command whose reply is read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Rset,
    Mail,
    Rcpt(usize),
    Data,
    EndOfData,
    LoneDot,
}

/// What is sent next once no reply is outstanding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextCommand {
    Rset,
    Mail,
    Rcpt(usize),
    Data,
    Content,
    LoneDot,
    Nothing,
}

/// The state of one recipient.
#[derive(Debug, Clone)]
enum RecipientState {
    Open,
    Accepted,
    Done(Result<Reply, Error>),
}

/// One transaction.
#[derive(Debug)]
pub struct Transaction<'a> {
    envelope: &'a Envelope,
    extensions: &'a Extensions,
    params: MailParams,
    next: NextCommand,
    expected: VecDeque<Expected>,
    mail_refused: bool,
    recipients: Vec<RecipientState>,
    in_sync: bool,
    clean: bool,
    continues: bool,
}

/// Why a message cannot go to a server with these extensions, known before a byte is sent.
///
/// # Errors
/// The error that every recipient gets.
pub fn check(
    envelope: &Envelope,
    content: ContentInfo,
    extensions: &Extensions,
) -> Result<MailParams, Error> {
    let cannot = |kind| Err(Error::new(Phase::Mail, kind));
    if !content.crlf_throughout {
        return cannot(ErrorKind::LineEnds);
    }
    let paths = envelope.sender.iter().chain(&envelope.recipients);
    let smtputf8 = content.smtputf8 || paths.into_iter().any(crate::Path::needs_smtputf8);
    if smtputf8 && !extensions.smtputf8 {
        return cannot(ErrorKind::NeedsSmtpUtf8);
    }
    let ContentInfo { size, eight_bit, .. } = content;
    if eight_bit && !extensions.eight_bit_mime {
        return cannot(ErrorKind::Needs8BitMime);
    }
    match extensions.size_limit {
        Some(limit) if size > limit => cannot(ErrorKind::TooLarge { size, limit }),
        _ => Ok(MailParams { size, eight_bit, smtputf8 }),
    }
}

impl<'a> Transaction<'a> {
    /// A transaction on a session that is `clean`, or that needs RSET first because the last one was refused.
    pub fn new(envelope: &'a Envelope, extensions: &'a Extensions, params: MailParams, clean: bool) -> Self {
        let next = match (envelope.recipients.is_empty(), clean) {
            (true, _) => NextCommand::Nothing,
            (_, true) => NextCommand::Mail,
            (_, false) => NextCommand::Rset,
        };
        let recipients = vec![RecipientState::Open; envelope.recipients.len()];
        Self {
            envelope,
            extensions,
            params,
            next,
            expected: VecDeque::new(),
            mail_refused: false,
            recipients,
            in_sync: true,
            clean,
            continues: false,
        }
    }

    /// This transaction continues one in which the server accepted other recipients of the same message.
    pub fn continuing(self) -> Self {
        Self { continues: true, ..self }
    }

    /// What to do next. Each step is to be done before the next is requested.
    pub fn step(&mut self) -> TransactionStep {
        if let Some(expected) = self.expected.front() {
            return TransactionStep::Read(expected.phase());
        }
        match self.next {
            NextCommand::Nothing => TransactionStep::Done,
            NextCommand::Content => {
                self.expected.push_back(Expected::EndOfData);
                self.next = NextCommand::Nothing;
                TransactionStep::Content
            }
            NextCommand::LoneDot => {
                self.expected.push_back(Expected::LoneDot);
                self.next = NextCommand::Nothing;
                TransactionStep::Send(b".\r\n".to_vec())
            }
            _ => TransactionStep::Send(self.next_group()),
        }
    }

    /// Passes in the reply that [`TransactionStep::Read`] asked for.
    pub fn reply(&mut self, reply: Reply) {
        let Some(expected) = self.expected.pop_front() else {
            return;
        };
        // A 3xx to MAIL or RCPT means that client and server are out of sync.
        let out_of_place = reply.code / 100 == 3 && matches!(expected, Expected::Mail | Expected::Rcpt(_));
        if reply.code == 421 || out_of_place {
            return self.fail(expected.phase(), ErrorKind::Reply(reply));
        }
        match expected {
            Expected::Rset => self.after_rset(&reply),
            Expected::Mail => self.after_mail(reply),
            Expected::Rcpt(index) => self.after_rcpt(index, reply),
            Expected::Data => self.after_data(reply),
            Expected::EndOfData => self.after_end(reply),
            Expected::LoneDot => self.in_sync = reply.code >= 400 || reply.is_positive(),
        }
    }

    /// Ends the transaction: every recipient without a final result gets this error.
    pub fn fail(&mut self, phase: Phase, kind: ErrorKind) {
        self.finish_all(|state| !matches!(state, RecipientState::Done(_)), &Err(Error::new(phase, kind)));
        self.expected.clear();
        self.next = NextCommand::Nothing;
        self.in_sync = false;
    }

    /// The phase of the next reply, for a group that could not be written.
    pub fn phase(&self) -> Phase {
        self.expected.front().map_or(Phase::Data, |expected| expected.phase())
    }

    /// Whether the session may carry another transaction.
    pub fn is_in_sync(&self) -> bool {
        self.in_sync && self.expected.is_empty() && self.next == NextCommand::Nothing
    }

    /// Whether the next transaction may begin without RSET.
    pub fn is_clean(&self) -> bool {
        self.clean
    }

    /// The result for each recipient.
    pub fn into_delivery(self) -> Delivery {
        let lost = || Error::new(Phase::Data, ErrorKind::Closed);
        let recipients = self.recipients.into_iter().map(|state| match state {
            RecipientState::Done(end) => end,
            RecipientState::Open | RecipientState::Accepted => Err(lost()),
        });
        Delivery { recipients: recipients.collect() }
    }

    /// Everything that may be sent before a reply must be read: one command without PIPELINING (RFC 2920, section 3.1).
    fn next_group(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut recipients = 0;
        loop {
            match self.next {
                NextCommand::Rset => {
                    out.extend_from_slice(b"RSET\r\n");
                    self.sent(Expected::Rset, NextCommand::Mail);
                }
                NextCommand::Mail => {
                    command::mail(&mut out, self.envelope, self.params, self.extensions);
                    self.clean = false;
                    self.sent(Expected::Mail, NextCommand::Rcpt(0));
                }
                NextCommand::Rcpt(index) => {
                    command::rcpt(&mut out, &self.envelope.recipients[index]);
                    recipients += 1;
                    let more = index + 1 < self.envelope.recipients.len();
                    self.sent(
                        Expected::Rcpt(index),
                        if more { NextCommand::Rcpt(index + 1) } else { NextCommand::Data },
                    );
                }
                NextCommand::Data => {
                    out.extend_from_slice(b"DATA\r\n");
                    self.sent(Expected::Data, NextCommand::Nothing);
                }
                NextCommand::Content | NextCommand::LoneDot | NextCommand::Nothing => return out,
            }
            let full = recipients == MAX_RCPT_IN_GROUP && matches!(self.next, NextCommand::Rcpt(_));
            if !self.extensions.pipelining || full {
                return out;
            }
        }
    }

    fn sent(&mut self, expected: Expected, next: NextCommand) {
        self.expected.push_back(expected);
        self.next = next;
    }

    /// A server that refuses RSET may still hold the sender of the refused message: nothing may be sent over it.
    fn after_rset(&mut self, reply: &Reply) {
        if !reply.is_positive() {
            self.fail(Phase::Mail, ErrorKind::Garbage(format!("RSET was answered {reply}")));
        }
    }

    fn after_mail(&mut self, reply: Reply) {
        if reply.is_positive() {
            return;
        }
        self.mail_refused = true;
        self.finish_all(|_| true, &Err(Error::new(Phase::Mail, ErrorKind::Reply(reply))));
        self.next = NextCommand::Nothing;
    }

    fn after_rcpt(&mut self, index: usize, reply: Reply) {
        match (self.mail_refused, reply.is_positive()) {
            // The server accepted a recipient without a sender: a lone dot could send it an empty message.
            (true, true) => self.in_sync = false,
            (true, false) => {}
            (false, true) => self.recipients[index] = RecipientState::Accepted,
            (false, false) => {
                let kind = if self.is_recipient_limit(&reply) {
                    ErrorKind::TooManyRecipients(reply)
                } else {
                    ErrorKind::Reply(reply)
                };
                self.recipients[index] = RecipientState::Done(Err(Error::new(Phase::Rcpt, kind)));
            }
        }
        if self.next == NextCommand::Data && self.expected.is_empty() && !self.any_accepted() {
            self.next = NextCommand::Nothing;
        }
    }

    /// Whether the server refuses a recipient only because it took others before. A reply that merely may mean so has to follow a
    /// recipient of this transaction: asked for alone, the recipient is refused for another reason.
    fn is_recipient_limit(&self, reply: &Reply) -> bool {
        let has_accepted = self.any_accepted();
        ((has_accepted || self.continues) && names_recipient_limit(reply))
            || (has_accepted && may_be_recipient_limit(reply))
    }

    fn after_data(&mut self, reply: Reply) {
        match (reply.code, self.any_accepted()) {
            (354, true) => self.next = NextCommand::Content,
            (354, false) if self.in_sync => self.next = NextCommand::LoneDot,
            (354, false) => {}
            _ => {
                self.in_sync &= reply.code >= 400;
                self.finish_all(
                    |state| matches!(state, RecipientState::Accepted),
                    &Err(Error::new(Phase::Data, ErrorKind::Reply(reply))),
                );
            }
        }
    }

    fn after_end(&mut self, reply: Reply) {
        self.clean = reply.is_positive();
        self.in_sync = reply.is_positive() || reply.code >= 400;
        let end = if reply.is_positive() {
            Ok(reply)
        } else {
            Err(Error::new(Phase::EndOfData, ErrorKind::Reply(reply)))
        };
        self.finish_all(|state| matches!(state, RecipientState::Accepted), &end);
    }

    fn any_accepted(&self) -> bool {
        self.recipients.iter().any(|state| matches!(state, RecipientState::Accepted))
    }

    fn finish_all(&mut self, concerned: impl Fn(&RecipientState) -> bool, end: &Result<Reply, Error>) {
        for state in self.recipients.iter_mut().filter(|state| concerned(state)) {
            *state = RecipientState::Done(end.clone());
        }
    }
}

impl Expected {
    fn phase(self) -> Phase {
        match self {
            Self::Rset | Self::Mail => Phase::Mail,
            Self::Rcpt(_) => Phase::Rcpt,
            Self::Data | Self::LoneDot => Phase::Data,
            Self::EndOfData => Phase::EndOfData,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
