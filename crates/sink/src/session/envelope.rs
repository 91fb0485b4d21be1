//! MAIL and RCPT, with the parameters of SIZE, 8BITMIME, SMTPUTF8 and AUTH.

use std::io;

use super::{Next, Session, Transaction};
use crate::command::Parameter;
use crate::manner::{Extension, Moment};
use crate::record::What;
use crate::reply::Reply;

/// What the parameters of MAIL say.
#[derive(Default)]
struct Terms {
    size: usize,
    smtputf8: bool,
    body_8bit: bool,
}

impl Session {
    pub(super) async fn mail(&mut self, path: String, parameters: &[Parameter]) -> io::Result<Next> {
        if let Some(refusal) = self.no_mail_now() {
            return Ok(self.say(refusal));
        }
        let terms = match self.terms(parameters) {
            Ok(terms) => terms,
            Err(refusal) => return Ok(self.say(refusal)),
        };
        if !path.is_ascii() && !terms.smtputf8 {
            return Ok(self.say(Reply::new(553, "5.6.7", "this address needs SMTPUTF8")));
        }
        if terms.size > self.manner().max_size {
            return Ok(self.say(Reply::new(552, "5.3.4", "the mail is too large")));
        }
        let reply = self.reply_at(Moment::Sender(&path), Reply::new(250, "2.1.0", "sender ok")).await?;
        if !reply.is_positive() {
            return Ok(self.say(reply));
        }
        self.transaction = Some(Transaction {
            sender: path,
            recipients: Vec::new(),
            smtputf8: terms.smtputf8,
            body_8bit: terms.body_8bit,
            chunks: None,
        });
        Ok(self.say(reply))
    }

    /// Why MAIL is out of place here, if it is.
    fn no_mail_now(&self) -> Option<Reply> {
        if self.hello.is_none() {
            return Some(Reply::new(503, "5.5.1", "EHLO first"));
        }
        if self.transaction.is_some() {
            return Some(Reply::new(503, "5.5.1", "a mail is under way"));
        }
        if self.login.is_none() && self.manner().login_required {
            return Some(Reply::new(530, "5.7.0", "log in first"));
        }
        None
    }

    /// Only what EHLO offered may be used; anything else is a 555 (RFC 5321 section 4.1.1.11).
    fn terms(&self, parameters: &[Parameter]) -> Result<Terms, Reply> {
        let mut terms = Terms::default();
        let wrong = || Reply::new(501, "5.5.4", "a parameter has a wrong value");
        for Parameter { keyword, value } in parameters {
            match (keyword.as_str(), value.as_deref()) {
                ("SIZE", Some(size)) if self.offers(Extension::Size) => {
                    terms.size = size.parse().map_err(|_| wrong())?;
                }
                ("BODY", Some(body)) if self.offers(Extension::EightBitMime) => {
                    match body.to_ascii_uppercase().as_str() {
                        "7BIT" => {}
                        "8BITMIME" => terms.body_8bit = true,
                        _ => return Err(wrong()),
                    }
                }
                ("SMTPUTF8", None) if self.offers(Extension::SmtpUtf8) => terms.smtputf8 = true,
                ("AUTH", Some(_)) if self.offers(Extension::Auth) => {}
                _ => return Err(Reply::new(555, "5.5.4", "unknown parameter")),
            }
        }
        Ok(terms)
    }

    pub(super) async fn rcpt(&mut self, path: String, parameters: &[Parameter]) -> io::Result<Next> {
        let reply = match self.judge_recipient(&path, parameters) {
            Ok(duty) => self.reply_at(Moment::Recipient(&path), duty).await?,
            Err(refusal) => refusal,
        };
        match &mut self.transaction {
            Some(transaction) if reply.is_positive() => transaction.recipients.push(path),
            _ => self.note(What::Refused { recipient: path, code: reply.code }),
        }
        Ok(self.say(reply))
    }

    /// The reply to a recipient.
    ///
    /// # Errors
    /// With the reply to a command that is out of place or wrong, whoever the recipient is.
    fn judge_recipient(&self, path: &str, parameters: &[Parameter]) -> Result<Reply, Reply> {
        let Some(transaction) = self.transaction.as_ref().filter(|transaction| transaction.chunks.is_none())
        else {
            return Err(Reply::new(503, "5.5.1", "MAIL first"));
        };
        if !parameters.is_empty() {
            return Err(Reply::new(555, "5.5.4", "unknown parameter"));
        }
        if !path.is_ascii() && !transaction.smtputf8 {
            return Err(Reply::new(553, "5.6.7", "this address needs SMTPUTF8"));
        }
        if transaction.recipients.len() >= self.manner().max_recipients {
            return Ok(Reply::new(452, "4.5.3", "too many recipients"));
        }
        Ok(Reply::new(250, "2.1.5", "recipient ok"))
    }
}
