//! What happened, in order: kept for tests, or passed to an event sink one by one.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// A mail as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The number of its connection.
    pub connection: u64,
    /// The reverse path, without angle brackets; empty for a bounce.
    pub sender: String,
    /// The forward paths that were accepted, in order, without angle brackets.
    pub recipients: Vec<String>,
    /// The content, dot-stuffing removed, else exactly as received.
    pub bytes: Vec<u8>,
    /// MAIL declared SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// MAIL declared BODY=8BITMIME (RFC 6152).
    pub body_8bit: bool,
    /// What the client did wrong. Empty for a correct mail.
    pub defects: Vec<String>,
    /// The client was still connected when the reply was sent.
    pub answered: bool,
    /// The user who had logged in.
    pub login: Option<String>,
    /// Whether the connection was encrypted.
    pub tls: bool,
}

/// Something that happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which connection; they count from 1.
    pub connection: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A client connected.
    Connected,
    /// The TLS handshake succeeded.
    Secured,
    /// The TLS handshake failed, with the reason.
    HandshakeFailed(String),
    /// A command line came in, without CRLF. For AUTH only the mechanism is kept.
    Command(String),
    /// A client tried to log in.
    Login {
        /// As whom.
        user: String,
        /// Whether it worked.
        ok: bool,
    },
    /// A recipient was refused, or the content sent to it.
    Refused {
        /// Who, without angle brackets.
        recipient: String,
        /// The reply code; 0 if what was sent was not a reply.
        code: u16,
    },
    /// The whole content arrived; the reply comes next.
    Content {
        /// Its size in bytes.
        size: usize,
    },
    /// A mail is kept.
    Mail(Arc<Mail>),
    /// The client violated the protocol.
    Defect(String),
    /// The connection is over.
    Closed,
}

/// Receives each event before its reply is sent. An error at [`EventKind::Mail`] makes the sink reply 451.
pub type EventSink = Box<dyn FnMut(&Event) -> io::Result<()> + Send>;

/// All events so far, or the event sink that receives them.
pub(crate) struct EventLog {
    state: Mutex<State>,
    length: watch::Sender<usize>,
}

struct State {
    events: Vec<Event>,
    taken: usize,
    event_sink: Option<EventSink>,
}

impl EventLog {
    pub(crate) fn new(event_sink: Option<EventSink>) -> Self {
        Self {
            state: Mutex::new(State { events: Vec::new(), taken: 0, event_sink }),
            length: watch::Sender::new(0),
        }
    }

    /// Records an event. With an event sink nothing is kept here, so a long-running sink does not grow.
    pub(crate) fn write(&self, event: Event) -> io::Result<()> {
        let mut state = self.state();
        if let Some(event_sink) = &mut state.event_sink {
            return event_sink(&event);
        }
        state.events.push(event);
        let length = state.events.len();
        drop(state);
        self.length.send_replace(length);
        Ok(())
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    pub(crate) fn mails(&self) -> Vec<Arc<Mail>> {
        mails(&self.state().events)
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
        let mut state = self.state();
        let mail = mails(&state.events).into_iter().nth(state.taken)?;
        state.taken += 1;
        Some(mail)
    }

    /// Waits until `enough` holds for the events so far.
    pub(crate) async fn wait_until(&self, enough: impl Fn(&[Event]) -> bool) {
        let mut length = self.length.subscribe();
        loop {
            length.mark_unchanged();
            if enough(&self.state().events) {
                return;
            }
            let _ = length.changed().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mails among the events.
pub(crate) fn mails(events: &[Event]) -> Vec<Arc<Mail>> {
    let mail = |event: &Event| match &event.kind {
        EventKind::Mail(mail) => Some(Arc::clone(mail)),
        _ => None,
    };
    events.iter().filter_map(mail).collect()
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLog").field("length", &*self.length.borrow()).finish_non_exhaustive()
    }
}
