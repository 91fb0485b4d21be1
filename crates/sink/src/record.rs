//! What happened, in order: kept for tests, or handed to a witness one by one.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// A mail as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The connection it came by.
    pub connection: u64,
    /// The reverse path, without angle brackets; empty for a bounce.
    pub sender: String,
    /// The forward paths that were accepted, in order, without angle brackets.
    pub recipients: Vec<String>,
    /// The content, dot-stuffing removed, else exactly as received.
    pub bytes: Vec<u8>,
    /// MAIL said SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// MAIL said BODY=8BITMIME (RFC 6152).
    pub body_8bit: bool,
    /// What the client did wrong, in words. Empty for a good mail.
    pub defects: Vec<String>,
    /// The client was still there and got (or is just getting) the reply.
    pub answered: bool,
    /// Who had logged in.
    pub login: Option<String>,
    /// Whether the connection was private.
    pub tls: bool,
}

/// Something that happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which connection; they count from 1.
    pub connection: u64,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A client connected.
    Connected,
    /// The connection became private.
    Secured,
    /// The TLS handshake failed, with the reason.
    HandshakeFailed(String),
    /// A command line came in, without CRLF. AUTH is kept without what follows the mechanism.
    Command(String),
    /// Somebody tried to log in.
    Login {
        /// As whom.
        user: String,
        /// Whether it worked.
        ok: bool,
    },
    /// A recipient was not accepted, or the content with which it was addressed.
    Refused {
        /// Who, without angle brackets.
        recipient: String,
        /// The code of the reply; 0: what was said was no reply.
        code: u16,
    },
    /// The whole content arrived; the reply comes next.
    Content {
        /// Its size in bytes.
        size: usize,
    },
    /// A mail is kept.
    Mail(Arc<Mail>),
    /// The client did something that the protocol forbids.
    Defect(String),
    /// The connection is over.
    Closed,
}

/// Somebody who is told of each event before its reply is sent. An error at [`What::Mail`] makes the sink say 451.
pub type Witness = Box<dyn FnMut(&Event) -> io::Result<()> + Send>;

/// All events so far, or the witness who gets them.
pub(crate) struct Record {
    book: Mutex<Book>,
    length: watch::Sender<usize>,
}

struct Book {
    events: Vec<Event>,
    taken: usize,
    witness: Option<Witness>,
}

impl Record {
    pub(crate) fn new(witness: Option<Witness>) -> Self {
        Self {
            book: Mutex::new(Book { events: Vec::new(), taken: 0, witness }),
            length: watch::Sender::new(0),
        }
    }

    /// Writes an event down. With a witness nothing is kept here, so that a long life needs no memory.
    pub(crate) fn write(&self, event: Event) -> io::Result<()> {
        let mut book = self.book();
        if let Some(witness) = &mut book.witness {
            return witness(&event);
        }
        book.events.push(event);
        let length = book.events.len();
        drop(book);
        self.length.send_replace(length);
        Ok(())
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.book().events.clone()
    }

    pub(crate) fn mails(&self) -> Vec<Arc<Mail>> {
        mails(&self.book().events)
    }

    /// The next mail that this method has not returned yet.
    pub(crate) async fn next_mail(&self) -> Arc<Mail> {
        let mut length = self.length.subscribe();
        loop {
            length.mark_unchanged();
            if let Some(mail) = self.take_mail() {
                return mail;
            }
            // The sender lives in self, so the channel cannot be closed.
            let _ = length.changed().await;
        }
    }

    fn take_mail(&self) -> Option<Arc<Mail>> {
        let mut book = self.book();
        let mail = mails(&book.events).into_iter().nth(book.taken)?;
        book.taken += 1;
        Some(mail)
    }

    /// Waits until `enough` holds for the events so far.
    pub(crate) async fn wait_until(&self, enough: impl Fn(&[Event]) -> bool) {
        let mut length = self.length.subscribe();
        loop {
            length.mark_unchanged();
            if enough(&self.book().events) {
                return;
            }
            let _ = length.changed().await;
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mails among the events.
pub(crate) fn mails(events: &[Event]) -> Vec<Arc<Mail>> {
    let mail = |event: &Event| match &event.what {
        What::Mail(mail) => Some(Arc::clone(mail)),
        _ => None,
    };
    events.iter().filter_map(mail).collect()
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("length", &*self.length.borrow()).finish_non_exhaustive()
    }
}
