//! The outbox: a durable record of every message, from the call to the last recipient's final status.
//!
//! Callers use the named operations of [`Outbox`]. They are shaped so that another database can do the same; today there is
//! SQLite, in a file or in memory. Each operation that changes something is one step of a transaction of the writer's thread,
//! and returns after its commit.

mod claim;
mod database;
mod decide;
mod engine;
mod error;
mod fail_point;
mod file;
mod inspect;
mod operations;
mod owner;
mod processes;
mod purge;
mod results;
mod schema;
mod types;
mod waiting_count;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use rusqlite::Connection;
use smtp_submission::CommitPoint;
use tokio::time::sleep;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::OutboxLocation;
use crate::outcome::{RecipientOutcome, State};
use crate::stored::StoredError;
use claim::HeldClaim;
use engine::Engine;
use file::free_bytes;
use operations::room::Place;
use operations::settle::ClaimKey;
use operations::{adopt, cancel, claim as claims, columns, enqueue, housekeeping, retry, settle};
use writer::Priority;

pub use claim::Claim;
pub use error::OutboxError;
pub use operations::housekeeping::Purged;
pub use results::{Cancelled, Decided, Enqueued, Integrity, NoRoom, OverQuota, Retried, Stats, Usage};
pub use types::{
    Approval, DUPLICATE_WINDOW, EXPIRES_AFTER, Email, Event, Filter, Hold, KEY_KEPT, Loaded, MAX_BACKOFF,
    NewMessage, Principal, Process, Queued, Retry, Schedule, Version,
};

/// How long to wait before asking again what became of a claim.
const ASK_AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// The outbox. Clones share it.
#[derive(Clone)]
pub struct Outbox {
    engine: Arc<Engine>,
}

impl Outbox {
    /// Opens the outbox, and creates it if there is none.
    ///
    /// # Errors
    /// One sentence: it cannot be used, and what to do.
    pub fn open(location: &OutboxLocation, clock: Clock) -> Result<Self, String> {
        let engine = Engine::start(location, clock).map_err(|problem| {
            format!(
                "the outbox {} cannot be used: {problem}; set SMTP_MCP_OUTBOX to sqlite:PATH, a file in a directory that this \
                 program can write to, or to memory, which keeps nothing when the program ends",
                location.word()
            )
        })?;
        Ok(Self { engine: Arc::new(engine) })
    }

    /// Whether messages survive the end of the program.
    pub fn is_durable(&self) -> bool {
        self.engine.owners.is_some()
    }

    /// Takes a message: it is sent, or its end is recorded, whatever happens to this process.
    ///
    /// # Errors
    /// It was not taken; or that is not known.
    pub async fn enqueue(&self, new: NewMessage) -> Result<Enqueued, OutboxError> {
        let me = self.engine.owner();
        let bytes = new.message.content.len();
        let (directory, waiting) = (self.engine.owners.clone(), Arc::clone(&self.engine.waiting));
        let enqueue = move |db: &Connection, now| {
            // What is not known does not stop a message: writing it tells.
            let free = directory.as_deref().and_then(|directory| free_bytes(directory).ok());
            enqueue::enqueue(db, now, me, &new, Place { free, waiting: &waiting })
        };
        self.engine.write(Priority::Enqueue, bytes, enqueue).await
    }

    /// The messages that are due and that this process can send: the longest due first, in turn from each set of accounts.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn due(&self, limit: usize) -> Result<Vec<Queued>, OutboxError> {
        let (me, accounts) = (self.engine.owner(), self.engine.accounts());
        self.engine.read(move |db, now| claims::due(db, now, me, &accounts, limit)).await
    }

    /// The message as it was composed, with its open recipients. `None`: it is not waiting any more, or another process has it.
    ///
    /// # Errors
    /// The outbox cannot be read, or the message in it is damaged.
    pub async fn load(&self, queued: &Queued) -> Result<Option<Loaded>, OutboxError> {
        let queued = *queued;
        let loaded = self.engine.read(move |db, _| claims::load(db, &queued)).await?;
        let damaged = |error: StoredError| OutboxError::Damaged(error.to_string());
        loaded.transpose().map_err(damaged)
    }

    /// Claims a message. `None`: it is not waiting any more, another process has it, or sending is paused. Where it is not known
    /// whether the claim was committed, it asks again until it is: a claim that nobody holds would stay until the end of the process.
    ///
    /// # Errors
    /// The claim was not committed: nothing may be sent.
    pub async fn claim(
        &self,
        queued: &Queued,
        commit_point: &CommitPoint,
    ) -> Result<Option<Claim>, OutboxError> {
        let owner = self.engine.owner_in_place()?;
        let held = self.engine.claims.hold(ClaimKey { seq: queued.seq, token: queued.token + 1, owner });
        let mut is_uncertain = false;
        loop {
            match self.try_claim(*queued, commit_point.clone(), Arc::clone(&held)).await {
                Err(OutboxError::Uncertain(_)) => is_uncertain = true,
                Err(OutboxError::Failed(_)) if is_uncertain => {}
                known => return known,
            }
            sleep(ASK_AGAIN).await;
        }
    }

    async fn try_claim(
        &self,
        queued: Queued,
        commit_point: CommitPoint,
        held: Arc<HeldClaim>,
    ) -> Result<Option<Claim>, OutboxError> {
        let (writer, clock) = (self.engine.writer.clone(), self.engine.clock.clone());
        let owner = held.key.owner;
        let made =
            move |taken: Option<_>| taken.map(|taken| Claim::new(held, commit_point, taken, writer, clock));
        self.engine
            .write_then(Priority::Claim, 0, move |db, now| claims::claim(db, now, owner, &queued), made)
            .await
    }

    /// Records what is known of some recipients while the attempt goes on with the others. False: it must not go on.
    ///
    /// # Errors
    /// It could not be recorded.
    pub async fn note(&self, claim: &Claim, recipients: Vec<RecipientOutcome>) -> Result<bool, OutboxError> {
        let key = claim.key();
        self.engine.write(Priority::Record, 0, move |db, now| settle::note(db, now, key, &recipients)).await
    }

    /// Records the outcome of an attempt and ends its claim. Recipients that are deferred are tried again after `pause`. Returns
    /// the message's state; `None` if the claim had been lost, in which case what was accepted is recorded all the same.
    ///
    /// # Errors
    /// It could not be recorded; the claim is returned, to try again.
    pub async fn record(
        &self,
        claim: Claim,
        recipients: &[RecipientOutcome],
        pause: std::time::Duration,
    ) -> Result<Option<State>, (Claim, OutboxError)> {
        let (key, recipients, forgets) = (claim.key(), recipients.to_vec(), self.engine.forgets_content());
        let recorded = self.engine.write(Priority::Record, 0, move |db, now| {
            let state = settle::record(db, now, key, &recipients, now + columns::milliseconds(pause))?;
            match state {
                None => drop(settle::late(db, now, key, &recipients)?),
                Some(state) if state.is_final() && forgets => housekeeping::forget_content(db, key.seq)?,
                Some(_) => {}
            }
            Ok(state)
        });
        match recorded.await {
            Ok(state) => {
                claim.end();
                Ok(state)
            }
            Err(error) => Err((claim, error)),
        }
    }

    /// Ends a claim under which certainly nothing was sent.
    ///
    /// # Errors
    /// It could not be recorded; the claim is returned, to try again.
    pub async fn release(&self, claim: Claim) -> Result<bool, (Claim, OutboxError)> {
        let key = claim.key();
        match self.engine.write(Priority::Record, 0, move |db, now| settle::release(db, now, key, now)).await
        {
            Ok(released) => {
                claim.end();
                Ok(released)
            }
            Err(error) => Err((claim, error)),
        }
    }

    /// Records that no server could be had, which needs no claim: nothing was sent. `None`: the message is not waiting any more.
    ///
    /// # Errors
    /// It could not be recorded.
    pub async fn postpone(
        &self,
        queued: &Queued,
        recipients: Vec<RecipientOutcome>,
        pause: std::time::Duration,
    ) -> Result<Option<State>, OutboxError> {
        let (queued, forgets) = (*queued, self.engine.forgets_content());
        self.engine
            .write(Priority::Record, 0, move |db, now| {
                let due = now + columns::milliseconds(pause);
                let state = settle::postpone(db, now, &queued, &recipients, due)?;
                if state.is_some_and(State::is_final) && forgets {
                    housekeeping::forget_content(db, queued.seq)?;
                }
                Ok(state)
            })
            .await
    }

    /// Withdraws a message from those who have not got it. One that is being sent gets no further attempt.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn cancel(&self, id: Uuid, principal: Option<Principal>) -> Result<Cancelled, OutboxError> {
        self.engine.write(Priority::Claim, 0, move |db, now| cancel::cancel(db, now, id, principal)).await
    }

    /// Queues the unknown and the refused recipients of a message again, and routes it anew if its servers are gone. If this process
    /// can send it, it tries first.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn retry(&self, asked: Retry) -> Result<Retried, OutboxError> {
        let (me, own, served) = (self.engine.owner(), self.engine.accounts(), self.served()?);
        let processes = retry::Processes { me, own, served };
        self.engine
            .write(Priority::Enqueue, 0, move |db, now| retry::retry(db, now, &processes, &asked))
            .await
    }

    /// Queues what is held because the outbox was copied or restored, but not what waits for approval; how many messages that were.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn adopt(&self) -> Result<usize, OutboxError> {
        self.engine.write(Priority::Enqueue, 0, adopt::adopt).await
    }

    /// Makes every waiting message that this process can send due now.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn make_due(&self) -> Result<(), OutboxError> {
        let accounts = self.engine.accounts();
        self.engine.write(Priority::Enqueue, 0, move |db, now| retry::make_due(db, now, &accounts)).await
    }
}
