//! What is known of each recipient so far: written by the delivery, read by whoever waits for it.

use std::sync::{Mutex, PoisonError};

use smtp_submission::Phase;

use crate::address::Address;
use crate::message::Message;
use crate::outcome::{Fate, RecipientOutcome};

/// One line for each recipient, in the message's order.
pub(super) struct Ledger(Mutex<Book>);

struct Book {
    lines: Vec<Line>,
    server: Option<(String, String)>,
}

struct Line {
    outcome: RecipientOutcome,
    settled: bool,
}

impl Ledger {
    /// A ledger in which every recipient is open.
    pub(super) fn new(message: &Message) -> Self {
        let open = |address: &Address| Line {
            outcome: RecipientOutcome {
                address: address.clone(),
                fate: Fate::Later,
                phase: Phase::Connect,
                words: String::new(),
                code: None,
                enhanced_code: None,
                reply: None,
                server: None,
            },
            settled: false,
        };
        Self(Mutex::new(Book { lines: message.recipients.iter().map(open).collect(), server: None }))
    }

    /// The positions of the recipients that have no end yet.
    pub(super) fn open(&self) -> Vec<usize> {
        self.with(|book| (0..book.lines.len()).filter(|&at| !book.lines[at].settled).collect())
    }

    /// The recipient at `position`, as the message names it.
    pub(super) fn address(&self, position: usize) -> Address {
        self.with(|book| book.lines[position].outcome.address.clone())
    }

    /// Writes down what became of the recipient at `position`; `Later` leaves it open.
    pub(super) fn write(&self, position: usize, outcome: RecipientOutcome) {
        self.with(|book| {
            if let Some(line) = book.lines.get_mut(position).filter(|line| !line.settled) {
                line.settled = outcome.fate != Fate::Later;
                line.outcome = outcome;
            }
        });
    }

    /// Gives everyone who is open these words and this fate; with `again` false only those of whom nothing was said yet.
    /// `Later` leaves them open.
    pub(super) fn close(&self, fate: Fate, phase: Phase, words: &str, again: bool) {
        self.with(|book| {
            for line in book.lines.iter_mut().filter(|line| !line.settled) {
                line.settled = fate != Fate::Later;
                if again || line.outcome.words.is_empty() {
                    line.outcome.fate = fate;
                    line.outcome.phase = phase;
                    words.clone_into(&mut line.outcome.words);
                }
            }
        });
    }

    /// Remembers the server that is tried, by its name and `host:port`, as long as none has accepted the message.
    pub(super) fn visit(&self, name: &str, address: String) {
        self.with(|book| {
            if !book.lines.iter().any(|line| line.outcome.fate == Fate::Accepted) {
                book.server = Some((name.to_owned(), address));
            }
        });
    }

    /// Remembers the server that accepted the message.
    pub(super) fn accepted_by(&self, name: &str, address: String) {
        self.with(|book| book.server = Some((name.to_owned(), address)));
    }

    /// What is known now: the recipients, and the server used last.
    pub(super) fn read(&self) -> (Vec<RecipientOutcome>, Option<(String, String)>) {
        self.with(|book| (book.lines.iter().map(|line| line.outcome.clone()).collect(), book.server.clone()))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Book) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
