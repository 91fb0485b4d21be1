//! DATA, BDAT (RFC 3030), and what becomes of a mail when its content is complete.

use std::io;
use std::sync::Arc;

use tokio::time::timeout;

use super::{Next, Session, Transaction};
use crate::content::{self, Content, Dots};
use crate::manner::{Act, After, Extension, Moment};
use crate::record::{Event, Mail, What};
use crate::reply::Reply;

impl Session {
    pub(super) async fn data(&mut self) -> io::Result<Next> {
        let go_ahead = || Reply::bare(354, vec!["go ahead, end with a dot alone on a line".to_owned()]);
        let duty = self.no_content_now().unwrap_or_else(go_ahead);
        let reply = self.reply_at(Moment::Data, duty).await?;
        if reply.code != 354 {
            return Ok(self.say(reply));
        }
        self.say(reply);
        self.wire.flush().await?;
        let (mut dots, mut content) = (Dots::new(), Content::up_to(self.manner().max_size));
        let mut begun = false;
        loop {
            let (used, ended) = dots.take(self.wire.buffered(), &mut content);
            self.wire.used(used);
            let begins = used > 0 && !std::mem::replace(&mut begun, true);
            let act = if begins { self.manner().act(Moment::Content) } else { None };
            match act {
                None => {}
                Some(Act::Stall(wait)) => self.stall(&wait).await?,
                Some(act) => {
                    let reply = self.perform(act, go_ahead()).await?;
                    return Ok(self.say(reply));
                }
            }
            if ended {
                break;
            }
            self.more().await?;
        }
        if dots.unstuffed {
            self.defect("a line began with a dot that was not doubled");
        }
        self.complete(content).await
    }

    /// Why content is out of place here, if it is.
    fn no_content_now(&self) -> Option<Reply> {
        match &self.transaction {
            None => Some(Reply::new(503, "5.5.1", "MAIL first")),
            Some(Transaction { chunks: Some(_), .. }) => Some(Reply::new(503, "5.5.1", "BDAT is under way")),
            Some(transaction) if transaction.recipients.is_empty() => {
                Some(Reply::new(554, "5.5.1", "no valid recipients"))
            }
            Some(_) => None,
        }
    }

    /// The chunk follows whatever the answer will be, so it is read first.
    pub(super) async fn bdat(&mut self, size: u64, last: bool) -> io::Result<Next> {
        if !self.offers(Extension::Chunking) {
            return Ok(self.say(Reply::new(502, "5.5.1", "CHUNKING is not offered")));
        }
        let earlier = self.transaction.as_mut().and_then(|transaction| transaction.chunks.take());
        let mut content = earlier.unwrap_or_else(|| Content::up_to(self.manner().max_size));
        self.chunk(size, &mut content).await?;
        if let Some(refusal) = self.no_content_now() {
            return Ok(self.say(refusal));
        }
        let reply = self.reply_at(Moment::Data, Reply::new(250, "2.0.0", "chunk taken")).await?;
        if !reply.is_positive() {
            return Ok(self.say(reply));
        }
        if last {
            return self.complete(content).await;
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.chunks = Some(content);
        }
        Ok(self.say(reply))
    }

    async fn chunk(&mut self, size: u64, content: &mut Content) -> io::Result<()> {
        let mut left = size;
        while left > 0 {
            if self.wire.buffered().is_empty() {
                self.more().await?;
            }
            let here = self.wire.buffered().len();
            let used = usize::try_from(left).map_or(here, |left| left.min(here));
            content.push(&self.wire.buffered()[..used]);
            self.wire.used(used);
            left -= used as u64;
        }
        Ok(())
    }

    async fn more(&mut self) -> io::Result<()> {
        let idle = self.manner().idle;
        timeout(idle, self.wire.fill()).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    /// The content is here: the manner decides what becomes of it.
    async fn complete(&mut self, content: Content) -> io::Result<Next> {
        let Some(transaction) = self.transaction.take() else {
            return Ok(self.say(Reply::new(503, "5.5.1", "MAIL first")));
        };
        if transaction.recipients.is_empty() {
            let duty = Reply::new(554, "5.5.1", "no valid recipients");
            let reply = self.reply_at(Moment::EndOfData, duty).await?;
            return Ok(self.say(reply));
        }
        if content.too_large {
            return Ok(self.refuse(&transaction, Reply::new(552, "5.3.4", "the mail is too large")));
        }
        self.note(What::Content { size: content.bytes.len() });
        let end = self.manner().end.clone();
        let present = self.wait(&end.wait).await;
        let number = self.shared.number();
        let duty = match end.then {
            After::DropLost => return Ok(Next::HangUp),
            After::DropKept => {
                return self.keep(transaction, content.bytes, false).map(|()| Next::HangUp);
            }
            After::Reply(text) => Reply::worded(&text),
            After::Answer => Reply::new(250, "2.0.0", &format!("kept as {number}")),
        };
        let reply = self.reply_at(Moment::EndOfData, duty).await?;
        if !reply.is_positive() {
            return Ok(self.refuse(&transaction, reply));
        }
        let act = self.manner().act(Moment::Kept);
        let answered = present && matches!(act, None | Some(Act::Reply(_) | Act::Drip { .. }));
        if self.keep(transaction, content.bytes, answered).is_err() {
            return Ok(self.say(Reply::new(451, "4.3.0", "the mail could not be kept")));
        }
        let reply = match act {
            None => reply,
            Some(act) => self.perform(act, reply).await?,
        };
        Ok(self.say(reply))
    }

    fn refuse(&mut self, transaction: &Transaction, reply: Reply) -> Next {
        self.defects.clear();
        for recipient in &transaction.recipients {
            self.note(What::Refused { recipient: recipient.clone(), code: reply.code });
        }
        self.say(reply)
    }

    /// Before the reply goes out, so that whoever has the reply finds the mail.
    fn keep(&mut self, transaction: Transaction, bytes: Vec<u8>, answered: bool) -> io::Result<()> {
        let mut defects = std::mem::take(&mut self.defects);
        defects.extend(content::defects(&bytes, transaction.smtputf8, transaction.body_8bit));
        let mail = Mail {
            connection: self.connection,
            sender: transaction.sender,
            recipients: transaction.recipients,
            bytes,
            smtputf8: transaction.smtputf8,
            body_8bit: transaction.body_8bit,
            defects,
            answered,
            login: self.login.clone(),
            tls: self.secured,
        };
        let what = What::Mail(Arc::new(mail));
        self.shared.record.write(Event { connection: self.connection, what })
    }
}
