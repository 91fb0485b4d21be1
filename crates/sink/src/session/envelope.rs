//! MAIL and RCPT, with the parameters of SIZE, 8BITMIME, SMTPUTF8 and AUTH.

use std::io;

use super::{Flow, Session, Transaction};
use crate::behavior::{Extension, Stage};
use crate::command::Parameter;
use crate::event::EventKind;
use crate::reply::Reply;

/// The parameters of MAIL.
#[derive(Default)]
struct EsmtpParams {
    size: usize,
    smtputf8: bool,
    body_8bit: bool,
}

impl Session {
    pub(super) async fn mail(&mut self, path: String, parameters: &[Parameter]) -> io::Result<Flow> {
        if let Some(refusal) = self.mail_error() {
            return Ok(self.send_reply(refusal));
        }
        let params = match self.params(parameters) {
            Ok(params) => params,
            Err(refusal) => return Ok(self.send_reply(refusal)),
        };
        if !path.is_ascii() && !params.smtputf8 {
            return Ok(self.send_reply(Reply::new(553, "5.6.7", "this address needs SMTPUTF8")));
        }
        if params.size > self.behavior().max_size {
            return Ok(self.send_reply(Reply::new(552, "5.3.4", "the mail is too large")));
        }
        let reply = self.reply_to_path(Stage::Mail, &path, Reply::new(250, "2.1.0", "sender ok")).await?;
        if !reply.is_positive() {
            return Ok(self.send_reply(reply));
        }
        self.transaction = Some(Transaction {
            sender: path,
            recipients: Vec::new(),
            smtputf8: params.smtputf8,
            body_8bit: params.body_8bit,
            chunks: None,
        });
        Ok(self.send_reply(reply))
    }

    /// Why MAIL is out of sequence here, if it is.
    fn mail_error(&self) -> Option<Reply> {
        if self.hello.is_none() {
            return Some(Reply::new(503, "5.5.1", "EHLO first"));
        }
        if self.transaction.is_some() {
            return Some(Reply::new(503, "5.5.1", "a mail transaction is in progress"));
        }
        if self.login.is_none() && self.behavior().login_required {
            return Some(Reply::new(530, "5.7.0", "log in first"));
        }
        None
    }

    /// Only what EHLO offered may be used; anything else is a 555 (RFC 5321 section 4.1.1.11).
    fn params(&self, parameters: &[Parameter]) -> Result<EsmtpParams, Reply> {
        let mut params = EsmtpParams::default();
        let wrong = || Reply::new(501, "5.5.4", "a parameter has a wrong value");
        for Parameter { keyword, value } in parameters {
            match (keyword.as_str(), value.as_deref()) {
                ("SIZE", Some(size)) if self.offers(Extension::Size) => {
                    params.size = size.parse().map_err(|_| wrong())?;
                }
                ("BODY", Some(body)) if self.offers(Extension::EightBitMime) => {
                    match body.to_ascii_uppercase().as_str() {
                        "7BIT" => {}
                        "8BITMIME" => params.body_8bit = true,
                        _ => return Err(wrong()),
                    }
                }
                ("SMTPUTF8", None) if self.offers(Extension::SmtpUtf8) => params.smtputf8 = true,
                ("AUTH", Some(_)) if self.offers(Extension::Auth) => {}
                _ => return Err(Reply::new(555, "5.5.4", "unknown parameter")),
            }
        }
        Ok(params)
    }

    pub(super) async fn rcpt(&mut self, path: String, parameters: &[Parameter]) -> io::Result<Flow> {
        let reply = match self.check_recipient(&path, parameters) {
            Ok(default_reply) => self.reply_to_path(Stage::Rcpt, &path, default_reply).await?,
            Err(refusal) => refusal,
        };
        match &mut self.transaction {
            Some(transaction) if reply.is_positive() => transaction.recipients.push(path),
            _ => self.record(EventKind::Refused { recipient: path, code: reply.code }),
        }
        Ok(self.send_reply(reply))
    }

    /// The reply to a recipient.
    ///
    /// # Errors
    /// The reply to a command that is out of sequence or wrong, whoever the recipient is.
    fn check_recipient(&self, path: &str, parameters: &[Parameter]) -> Result<Reply, Reply> {
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
        if transaction.recipients.len() >= self.behavior().max_recipients {
            return Ok(Reply::new(452, "4.5.3", "too many recipients"));
        }
        Ok(Reply::new(250, "2.1.5", "recipient ok"))
    }
}
