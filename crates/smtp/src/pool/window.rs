//! Messages that share a session: each has a place, and they are sent together when every place is filled or given up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::debug;

use super::Shared;
use super::failure::{refuses_extension, was_behind, was_dead, was_decided};
use super::idle::spawn;
use crate::{Delivery, Error, ErrorKind, Mail, Phase, Session};

/// A session for one message, perhaps shared with others that wait for the same server: they are sent together once each of them was
/// delivered or dropped. So do not keep one while you wait for another.
pub struct PooledSession {
    window: Arc<Window>,
    is_left: bool,
    /// When the pace counted a message for it.
    counted: Option<Duration>,
}

/// The places of a session.
pub(super) struct Window {
    shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    places: usize,
    /// Until they are sent.
    ready: Option<Ready>,
    mails: Vec<Waiting>,
}

/// A message whose caller waits for its outcome.
struct Waiting {
    mail: Mail,
    caller: oneshot::Sender<Delivery>,
}

/// A session, and the permit to use it.
struct Ready {
    session: Session,
    reused: bool,
    permit: OwnedSemaphorePermit,
}

impl Window {
    /// A session without a place.
    pub(super) fn new(
        shared: Arc<Shared>,
        session: Session,
        reused: bool,
        permit: OwnedSemaphorePermit,
    ) -> Arc<Self> {
        let ready = Some(Ready { session, reused, permit });
        Arc::new(Self { shared, state: Mutex::new(State { ready, ..State::default() }) })
    }

    /// One more place.
    pub(super) fn place(self: &Arc<Self>) -> PooledSession {
        self.state().places += 1;
        PooledSession { window: Arc::clone(self), is_left: false, counted: None }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place is filled or given up; the last one to go starts the session's work.
    fn leave(&self, mail: Option<Waiting>) {
        let mut state = self.state();
        state.places -= 1;
        state.mails.extend(mail);
        if state.places > 0 {
            return;
        }
        let mut mails = std::mem::take(&mut state.mails);
        // A large message must not keep small ones waiting.
        mails.sort_by_key(|waiting| waiting.mail.content.size());
        let Some(Ready { session, reused, permit }) = state.ready.take() else {
            return;
        };
        drop(state);
        if mails.is_empty() {
            self.shared.put_back(session);
            drop(permit);
            return;
        }
        let shared = Arc::clone(&self.shared);
        // Nobody who leaves stops it for the others.
        spawn(async move {
            let session = send_all(&shared, session, reused, mails).await;
            shared.end_turn(session, permit);
        });
    }
}

impl PooledSession {
    /// The pace has counted a message for it.
    pub(super) fn counted(mut self, at: Duration) -> Self {
        self.counted = Some(at);
        self
    }

    /// Leaves the place, with a message or without.
    fn leave(&mut self, waiting: Option<Waiting>) {
        self.is_left = true;
        let shared = &self.window.shared;
        if let Some(counted) = self.counted {
            let sent = waiting.as_ref().map(|_| (shared.now)());
            shared.slots().pace.correct(counted, sent);
        }
        self.window.leave(waiting);
    }

    #[cfg(test)]
    pub(super) fn is_reused(&self) -> bool {
        self.window.state().ready.as_ref().is_some_and(|ready| ready.reused)
    }

    /// Sends one message, with those of the session's other places.
    ///
    /// If the session turns out to be dead before the server decided anything about this message, and before its last byte was sent,
    /// it is replaced by a new one. A server that refuses an extension it offers gets the message without it.
    pub async fn deliver(mut self, mail: Mail) -> Delivery {
        let recipients = mail.envelope.recipients.len();
        let commit_point = mail.commit_point.clone();
        let (caller, ended) = oneshot::channel();
        self.leave(Some(Waiting { mail, caller }));
        ended.await.unwrap_or_else(|_| {
            let phase = if commit_point.is_committed() { Phase::EndOfData } else { Phase::Mail };
            Delivery::failed(recipients, &Error::new(phase, ErrorKind::Closed))
        })
    }
}

impl Drop for PooledSession {
    fn drop(&mut self) {
        if !self.is_left {
            self.leave(None);
        }
    }
}

/// Sends messages, over further sessions as long as the server gets on with them. Returns the last session.
async fn send_all(
    shared: &Shared,
    mut session: Session,
    mut reused: bool,
    mut mails: Vec<Waiting>,
) -> Option<Session> {
    // A session that ended with the first message may end because of that message.
    let mut may_begin_again = true;
    loop {
        debug!(messages = mails.len(), reused, "sending");
        let Left { mails: left, gets_on } = send(shared, &mut session, reused, mails).await;
        if left.is_empty() {
            return Some(session);
        }
        let is_behind = left.iter().all(|(_, delivery)| was_behind(delivery));
        let begins_again = reused || gets_on || (is_behind && std::mem::take(&mut may_begin_again));
        if !begins_again {
            left.into_iter().for_each(|(waiting, delivery)| waiting.end(delivery));
            return Some(session);
        }
        debug!(messages = left.len(), "the session was over, replaced");
        // A server that takes one connection must not have two.
        drop(session);
        mails = left.into_iter().map(|(waiting, _)| waiting).collect();
        reused = false;
        session = match shared.open_after_closing().await {
            Ok(session) => session,
            Err(error) => {
                for waiting in mails {
                    let recipients = waiting.mail.envelope.recipients.len();
                    waiting.end(Delivery::failed(recipients, &error));
                }
                return None;
            }
        };
    }
}

/// What a session did not send, and why not.
struct Left {
    mails: Vec<(Waiting, Delivery)>,
    /// The server decided about another message, or refused an extension that it is not asked for again.
    gets_on: bool,
}

/// Sends messages over one session, and tells their callers.
async fn send(shared: &Shared, session: &mut Session, reused: bool, mails: Vec<Waiting>) -> Left {
    let (mails, mut callers): (Vec<_>, Vec<_>) =
        mails.into_iter().map(|waiting| (waiting.mail, Some(waiting.caller))).unzip();
    let mut left = Vec::new();
    let mut gets_on = false;
    let ended = |index: usize, delivery: Delivery| {
        shared.learn(&delivery);
        let is_refused = refuses_extension(&delivery);
        let is_dead = was_dead(&delivery, reused || gets_on, reused && !gets_on);
        gets_on |= is_refused || was_decided(&delivery);
        let Some(caller) = callers[index].take() else { return };
        let waiting = Waiting { mail: mails[index].clone(), caller };
        if (is_dead || is_refused) && !waiting.mail.commit_point.is_committed() {
            // It was about the session, such as the number of its messages.
            return left.push((waiting, delivery));
        }
        shared.learn_pace(&delivery);
        waiting.end(delivery);
    };
    session.send_many(&mails, ended).await;
    Left { mails: left, gets_on }
}

impl Waiting {
    fn end(self, delivery: Delivery) {
        // A caller that left has no use for it.
        let _ = self.caller.send(delivery);
    }
}
