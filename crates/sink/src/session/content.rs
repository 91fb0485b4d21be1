//! DATA, BDAT (RFC 3030), and what happens once the content is complete.

use std::io;
use std::sync::Arc;

use tokio::time::timeout;

use super::{Flow, Session, Transaction};
use crate::behavior::{Action, AfterData, Extension, Stage};
use crate::content::{self, Content, DotUnstuffer};
use crate::event::{Event, EventKind, Mail};
use crate::reply::Reply;

impl Session {
    pub(super) async fn data(&mut self) -> io::Result<Flow> {
        let go_ahead = || Reply::bare(354, vec!["go ahead, end with a dot alone on a line".to_owned()]);
        let default_reply = self.data_error().unwrap_or_else(go_ahead);
        let reply = self.reply_at(Stage::Data, default_reply).await?;
        if reply.code != 354 {
            return Ok(self.send_reply(reply));
        }
        self.send_reply(reply);
        self.stream.flush().await?;
        let (mut dots, mut content) = (DotUnstuffer::new(), Content::up_to(self.behavior().max_size));
        let mut begun = false;
        loop {
            let (used, ended) = dots.take(self.stream.buffered(), &mut content);
            self.stream.used(used);
            let begins = used > 0 && !std::mem::replace(&mut begun, true);
            let action = if begins { self.behavior().action(Stage::Content, "") } else { None };
            match action {
                None => {}
                Some(Action::Stall(wait)) => self.stall(&wait).await?,
                Some(action) => {
                    let reply = self.apply(action, go_ahead()).await?;
                    return Ok(self.send_reply(reply));
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
        self.finish_data(content).await
    }

    /// Why content is out of sequence here, if it is.
    fn data_error(&self) -> Option<Reply> {
        match &self.transaction {
            None => Some(Reply::new(503, "5.5.1", "MAIL first")),
            Some(Transaction { chunks: Some(_), .. }) => {
                Some(Reply::new(503, "5.5.1", "BDAT is in progress"))
            }
            Some(transaction) if transaction.recipients.is_empty() => {
                Some(Reply::new(554, "5.5.1", "no valid recipients"))
            }
            Some(_) => None,
        }
    }

    /// The chunk follows whatever the reply will be, so it is read first.
    pub(super) async fn bdat(&mut self, size: u64, last: bool) -> io::Result<Flow> {
        if !self.offers(Extension::Chunking) {
            return Ok(self.send_reply(Reply::new(502, "5.5.1", "CHUNKING is not offered")));
        }
        let earlier = self.transaction.as_mut().and_then(|transaction| transaction.chunks.take());
        let mut content = earlier.unwrap_or_else(|| Content::up_to(self.behavior().max_size));
        self.chunk(size, &mut content).await?;
        if let Some(refusal) = self.data_error() {
            return Ok(self.send_reply(refusal));
        }
        let reply = self.reply_at(Stage::Data, Reply::new(250, "2.0.0", "chunk taken")).await?;
        if !reply.is_positive() {
            return Ok(self.send_reply(reply));
        }
        if last {
            return self.finish_data(content).await;
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.chunks = Some(content);
        }
        Ok(self.send_reply(reply))
    }

    async fn chunk(&mut self, size: u64, content: &mut Content) -> io::Result<()> {
        let mut left = size;
        while left > 0 {
            if self.stream.buffered().is_empty() {
                self.more().await?;
            }
            let here = self.stream.buffered().len();
            let used = usize::try_from(left).map_or(here, |left| left.min(here));
            content.push(&self.stream.buffered()[..used]);
            self.stream.used(used);
            left -= used as u64;
        }
        Ok(())
    }

    async fn more(&mut self) -> io::Result<()> {
        let idle = self.behavior().idle;
        timeout(idle, self.stream.fill()).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    /// The content is complete: the behavior decides what happens.
    async fn finish_data(&mut self, content: Content) -> io::Result<Flow> {
        let Some(transaction) = self.transaction.take() else {
            return Ok(self.send_reply(Reply::new(503, "5.5.1", "MAIL first")));
        };
        if transaction.recipients.is_empty() {
            let default_reply = Reply::new(554, "5.5.1", "no valid recipients");
            let reply = self.reply_at(Stage::EndOfData, default_reply).await?;
            return Ok(self.send_reply(reply));
        }
        if content.too_large {
            return Ok(self.reject(&transaction, Reply::new(552, "5.3.4", "the mail is too large")));
        }
        self.record(EventKind::Content { size: content.bytes.len() });
        let behavior = self.behavior();
        let present = self.wait(&behavior.wait).await;
        let number = self.shared.number();
        let default_reply = match &behavior.after_data {
            AfterData::DropLost => return Ok(Flow::HangUp),
            AfterData::DropKept => {
                return self.keep(transaction, content.bytes, false).map(|()| Flow::HangUp);
            }
            AfterData::Reply(text) => Reply::from_text(text),
            AfterData::Accept => Reply::new(250, "2.0.0", &format!("kept as {number}")),
        };
        let reply = self.reply_at(Stage::EndOfData, default_reply).await?;
        if !reply.is_positive() {
            return Ok(self.reject(&transaction, reply));
        }
        let action = self.behavior().action(Stage::Kept, "");
        let answered = present && matches!(action, None | Some(Action::Reply(_) | Action::Drip { .. }));
        if self.keep(transaction, content.bytes, answered).is_err() {
            return Ok(self.send_reply(Reply::new(451, "4.3.0", "the mail could not be kept")));
        }
        let reply = match action {
            None => reply,
            Some(action) => self.apply(action, reply).await?,
        };
        Ok(self.send_reply(reply))
    }

    fn reject(&mut self, transaction: &Transaction, reply: Reply) -> Flow {
        self.defects.clear();
        for recipient in &transaction.recipients {
            self.record(EventKind::Refused { recipient: recipient.clone(), code: reply.code });
        }
        self.send_reply(reply)
    }

    /// Called before the reply is sent, so that a client with the reply finds the mail.
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
        let kind = EventKind::Mail(Arc::new(mail));
        self.shared.log.write(Event { connection: self.connection, kind })
    }
}
