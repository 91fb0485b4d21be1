//! One transaction as a pure state machine: what each reply means for each recipient.
//!
//! It never touches a socket. What is written and when is decided by [`pipeline`](crate::pipeline).

use crate::command::MailParams;
use crate::content::ContentInfo;
use crate::recipient_limit::{may_be_recipient_limit, names_recipient_limit};
use crate::{Delivery, Envelope, Error, ErrorKind, Extensions, Phase, Reply};

/// The state of one recipient.
#[derive(Debug, Clone)]
enum RecipientState {
    Open,
    Accepted,
    /// MAIL was refused with this error, yet the server may take the content: RCPT was accepted, or an earlier message may not be over.
    Doubtful(Error),
    Done(Result<Reply, Error>),
}

/// One transaction.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) params: MailParams,
    pub(crate) all_or_nothing: bool,
    recipients: Vec<RecipientState>,
    mail_refused: Option<Error>,
    reset_refused: bool,
    continues: bool,
    handed_over: bool,
}

/// Why a message cannot go to a server with these extensions, known before a byte is sent.
///
/// # Errors
/// The error that every recipient gets.
pub(crate) fn check(
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
    /// A transaction of which nothing was sent.
    pub(crate) fn new(envelope: &'a Envelope, params: MailParams, all_or_nothing: bool) -> Self {
        Self {
            envelope,
            params,
            all_or_nothing,
            recipients: vec![RecipientState::Open; envelope.recipients.len()],
            mail_refused: None,
            reset_refused: false,
            continues: false,
            handed_over: false,
        }
    }

    /// This transaction continues one in which the server accepted other recipients of the same message.
    pub(crate) fn continuing(self) -> Self {
        Self { continues: true, ..self }
    }

    /// Whether the last byte of the content may have been handed to the socket.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.handed_over
    }

    pub(crate) fn set_handed_over(&mut self, handed_over: bool) {
        self.handed_over = handed_over;
    }

    /// The server may still hold the sender of an earlier message.
    pub(crate) fn note_refused_reset(&mut self) {
        self.reset_refused = true;
    }

    pub(crate) fn any_accepted(&self) -> bool {
        self.recipients.iter().any(|state| matches!(state, RecipientState::Accepted))
    }

    fn all_accepted(&self) -> bool {
        self.recipients.iter().all(|state| matches!(state, RecipientState::Accepted))
    }

    /// The envelope's answers are known: whether the content is to be sent.
    pub(crate) fn wants_content(&mut self) -> bool {
        if self.all_or_nothing && !self.all_accepted() {
            let withheld = Error::new(Phase::Rcpt, ErrorKind::AllOrNothing);
            self.end_accepted(&Err(withheld));
        }
        self.any_accepted()
    }

    pub(crate) fn after_mail(&mut self, reply: Reply) {
        if reply.is_positive() {
            return;
        }
        let kind = if self.reset_refused {
            ErrorKind::Garbage("RSET was refused, so an earlier message may not be over".to_owned())
        } else {
            ErrorKind::Reply(reply)
        };
        let error = Error::new(Phase::Mail, kind);
        if self.reset_refused {
            self.recipients.fill(RecipientState::Doubtful(error.clone()));
        } else {
            self.end_all(&error);
        }
        self.mail_refused = Some(error);
    }

    /// Returns whether the reply is one that a server in step can give.
    pub(crate) fn after_rcpt(&mut self, index: usize, reply: Reply) -> bool {
        match (&self.mail_refused, reply.is_positive()) {
            (Some(error), true) => {
                self.recipients[index] = RecipientState::Doubtful(error.clone());
                return false;
            }
            (Some(error), false) => self.recipients[index] = RecipientState::Done(Err(error.clone())),
            (None, true) => self.recipients[index] = RecipientState::Accepted,
            (None, false) => {
                let kind = if self.is_recipient_limit(&reply) {
                    ErrorKind::TooManyRecipients(reply)
                } else {
                    ErrorKind::Reply(reply)
                };
                self.recipients[index] = RecipientState::Done(Err(Error::new(Phase::Rcpt, kind)));
            }
        }
        true
    }

    /// Whether the server refuses a recipient only because it took others before. A reply that merely may mean so has to follow a
    /// recipient of this transaction: asked for alone, the recipient is refused for another reason.
    fn is_recipient_limit(&self, reply: &Reply) -> bool {
        let has_accepted = self.any_accepted();
        ((has_accepted || self.continues) && names_recipient_limit(reply))
            || (has_accepted && may_be_recipient_limit(reply))
    }

    /// DATA was refused.
    pub(crate) fn after_refused_data(&mut self, reply: Reply) {
        self.end_accepted(&Err(Error::new(Phase::Data, ErrorKind::Reply(reply))));
    }

    /// The reply to the end of the data.
    pub(crate) fn after_end(&mut self, reply: Reply) {
        for state in &mut self.recipients {
            if let RecipientState::Doubtful(error) = state {
                let error = match reply.is_positive() {
                    true => after_refused_mail(&reply),
                    false => error.clone(),
                };
                *state = RecipientState::Done(Err(error));
            }
        }
        // A server may refuse a content before it has all of it.
        let phase = if self.handed_over { Phase::EndOfData } else { Phase::Data };
        let end = match reply.is_positive() {
            true => Ok(reply),
            false => Err(Error::new(phase, ErrorKind::Reply(reply))),
        };
        self.end_accepted(&end);
    }

    /// Ends the transaction for every recipient without a result: nothing of the message was accepted.
    pub(crate) fn end_all(&mut self, error: &Error) {
        for state in &mut self.recipients {
            if matches!(state, RecipientState::Open | RecipientState::Accepted) {
                *state = RecipientState::Done(Err(error.clone()));
            }
        }
    }

    /// The session failed before the transaction was over. If the last byte was handed over, only a refusal that was read proves
    /// that the message was not accepted.
    pub(crate) fn fail(&mut self, phase: Phase, kind: &ErrorKind) {
        let is_refused = match kind {
            ErrorKind::Reply(reply) => reply.code == 421,
            ErrorKind::RefusesExtension(..) | ErrorKind::ClosedBefore => true,
            _ => false,
        };
        let lost = Error::new(Phase::EndOfData, kind.clone());
        let is_unknown = self.handed_over && !is_refused;
        for state in &mut self.recipients {
            if matches!(state, RecipientState::Doubtful(_)) && is_unknown {
                *state = RecipientState::Done(Err(lost.clone()));
            }
        }
        let error = if is_unknown { lost } else { Error::new(phase, kind.clone()) };
        self.end_all(&error);
    }

    /// Gives those whom RCPT accepted this result.
    fn end_accepted(&mut self, end: &Result<Reply, Error>) {
        for state in &mut self.recipients {
            if matches!(state, RecipientState::Accepted) {
                *state = RecipientState::Done(end.clone());
            }
        }
    }

    /// The result for each recipient.
    pub(crate) fn delivery(&self) -> Delivery {
        let lost = || Error::new(Phase::Data, ErrorKind::Closed);
        let recipients = self.recipients.iter().map(|state| match state {
            RecipientState::Done(end) => end.clone(),
            RecipientState::Doubtful(error) => Err(error.clone()),
            RecipientState::Open | RecipientState::Accepted => Err(lost()),
        });
        Delivery { recipients: recipients.collect() }
    }
}

/// The message was accepted without a sender, or with that of another message.
fn after_refused_mail(reply: &Reply) -> Error {
    let words = format!("MAIL was refused, yet the message was answered {reply}");
    Error::new(Phase::EndOfData, ErrorKind::Garbage(words))
}
