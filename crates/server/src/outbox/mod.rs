//! The outbox: a durable record of every message, from the call to the last recipient's final status.
//!
//! Callers use the named operations of [`Outbox`]. They are shaped so that another database can do the same; today there is
//! SQLite, in a file or in memory. Each operation that changes something is one step of a transaction of the writer's thread,
//! and returns after its commit.

mod claim;
mod database;
mod error;
mod operations;
mod owner;
mod types;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use smtp_submission::CommitPoint;
use tokio::sync::oneshot;
use tracing::info;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::{Account, OutboxLocation};
use crate::outcome::{RecipientOutcome, State};
use crate::stored::StoredError;
use database::{Database, Location};
use operations::settle::ClaimKey;
use operations::{claim as claims, enqueue, housekeeping, read, recover, retry, settle};
use owner::{Owner, OwnerId};
use writer::{Job, Operation, Priority, send};

pub use claim::Claim;
pub use error::OutboxError;
pub use types::{
    CONTENT_KEPT, DUPLICATE_WINDOW, EXPIRES_AFTER, Email, Enqueued, Event, Filter, Integrity, Loaded,
    MAX_BACKOFF, NewMessage, Principal, Queued, RECORD_KEPT, RECORD_KEPT_IN_MEMORY, Retried, Stats,
};

/// The outbox. Clones share it.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    writer: Sender<Job>,
    /// Without one the writer reads, too.
    reader: Option<Sender<Read>>,
    owner: Mutex<Owner>,
    /// Where the owners' files are.
    owners: Option<PathBuf>,
    clock: Clock,
}

type Read = Box<dyn FnOnce(&Connection) + Send>;

impl Outbox {
    /// Opens the outbox, and creates it if there is none.
    ///
    /// # Errors
    /// One sentence: it cannot be used, and what to do.
    pub fn open(location: &OutboxLocation, clock: Clock) -> Result<Self, String> {
        let opened = match location {
            OutboxLocation::Memory => Self::start(Location::Memory, None, clock),
            OutboxLocation::File(path) => {
                Self::start(Location::File(path.clone()), Some(owners_of(path)), clock)
            }
        };
        opened.map_err(|problem| {
            format!(
                "the outbox {} cannot be used: {problem}; set SMTP_MCP_OUTBOX to sqlite:PATH, a file in a directory that this \
                 program can write to, or to memory, which keeps nothing when the program ends",
                location.word()
            )
        })
    }

    fn start(location: Location, owners: Option<PathBuf>, clock: Clock) -> Result<Self, String> {
        let database = Database::open(location)?;
        let owner = match &owners {
            Some(directory) => Owner::create(directory).map_err(|error| error.to_string())?,
            None => Owner::in_memory(),
        };
        let reader = database.reader().map_err(|error| error.to_string())?;
        let reader = reader.map(start_reader).transpose().map_err(|error| error.to_string())?;
        let (writer, jobs) = channel();
        std::thread::Builder::new()
            .name("outbox-writer".to_owned())
            .spawn(move || writer::run(database, &jobs))
            .map_err(|error| error.to_string())?;
        Ok(Self { shared: Arc::new(Shared { writer, reader, owner: Mutex::new(owner), owners, clock }) })
    }

    /// Whether messages survive the end of the program.
    pub fn is_durable(&self) -> bool {
        self.shared.owners.is_some()
    }

    /// Takes a message: it is sent, or its end is recorded, whatever happens to this process.
    ///
    /// # Errors
    /// It was not taken; or that is not known.
    pub async fn enqueue(&self, new: NewMessage) -> Result<Enqueued, OutboxError> {
        let me = self.owner();
        let bytes = new.message.content.len();
        self.write(Priority::Enqueue, bytes, move |db, now| enqueue::enqueue(db, now, me, &new)).await
    }

    /// The messages that are due and that one of `accounts` can send, the longest due first.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn due(&self, accounts: Vec<Account>, limit: usize) -> Result<Vec<Queued>, OutboxError> {
        let me = self.owner();
        self.read(move |db, now| claims::due(db, now, me, &accounts, limit)).await
    }

    /// The message as it was composed, with its open recipients. `None`: it is no longer there.
    ///
    /// # Errors
    /// The outbox cannot be read, or the message in it is damaged.
    pub async fn load(&self, queued: &Queued) -> Result<Option<Loaded>, OutboxError> {
        let seq = queued.seq;
        let loaded = self.read(move |db, _| claims::load(db, seq)).await?;
        let damaged = |error: StoredError| OutboxError::Damaged(error.to_string());
        loaded.transpose().map_err(damaged)
    }

    /// Claims a message. `None`: it is not waiting any more, or another process has it.
    ///
    /// # Errors
    /// The claim could not be committed: nothing may be sent.
    pub async fn claim(
        &self,
        queued: &Queued,
        commit_point: &CommitPoint,
    ) -> Result<Option<Claim>, OutboxError> {
        let owner = self.owner_in_place()?;
        let (writer, clock) = (self.shared.writer.clone(), self.shared.clock.clone());
        let (queued, commit_point) = (*queued, commit_point.clone());
        let seq = queued.seq;
        self.write_then(
            Priority::Claim,
            0,
            move |db, now| claims::claim(db, now, owner, &queued),
            move |token: Option<i64>| {
                token.map(|token| Claim::new(ClaimKey { seq, token, owner }, commit_point, writer, clock))
            },
        )
        .await
    }

    /// Records what is known of some recipients while the attempt goes on with the others.
    ///
    /// # Errors
    /// It could not be recorded.
    pub async fn note(&self, claim: &Claim, recipients: Vec<RecipientOutcome>) -> Result<bool, OutboxError> {
        let key = claim.key();
        self.write(Priority::Record, 0, move |db, now| settle::note(db, now, key, &recipients)).await
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
        let (key, recipients, is_durable) = (claim.key(), recipients.to_vec(), self.is_durable());
        let recorded = self.write(Priority::Record, 0, move |db, now| {
            let state = settle::record(db, now, key, &recipients, now + enqueue::milliseconds(pause))?;
            match state {
                None => drop(settle::late(db, now, key, &recipients)?),
                Some(state) if state.is_final() && !is_durable => housekeeping::forget_content(db, key.seq)?,
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
        match self.write(Priority::Record, 0, move |db, now| settle::release(db, now, key, now)).await {
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
        let queued = *queued;
        self.write(Priority::Record, 0, move |db, now| {
            settle::postpone(db, now, &queued, &recipients, now + enqueue::milliseconds(pause))
        })
        .await
    }

    /// Ends the attempts of processes that are dead; how many there were.
    ///
    /// # Errors
    /// The outbox or the directory of its owners cannot be used.
    pub async fn recover(&self) -> Result<usize, OutboxError> {
        let Some(directory) = &self.shared.owners else { return Ok(0) };
        let known = self.read(|db, _| recover::owners(db)).await?;
        let dead = owner::dead(directory, &known, self.owner())
            .map_err(|error| OutboxError::Failed(format!("{}: {error}", directory.display())))?;
        let mut recovered = 0;
        for process in dead {
            let id = process.id;
            recovered +=
                self.write(Priority::Record, 0, move |db, now| recover::recover(db, now, id)).await?;
            process.forget();
        }
        if recovered > 0 {
            info!(messages = recovered, "attempts of a process that ended were given up");
        }
        Ok(recovered)
    }

    /// Queues the unknown and the refused recipients of a message again.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn retry(&self, id: Uuid, principal: Option<Principal>) -> Result<Retried, OutboxError> {
        let me = self.owner();
        self.write(Priority::Enqueue, 0, move |db, now| retry::retry(db, now, me, id, principal)).await
    }

    /// Makes every waiting message that one of `accounts` can send due now.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn make_due(&self, accounts: Vec<Account>) -> Result<(), OutboxError> {
        self.write(Priority::Enqueue, 0, move |db, now| retry::make_due(db, now, &accounts)).await
    }

    /// How many messages wait or are being sent that one of `accounts` can send.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn waiting(&self, accounts: Vec<Account>) -> Result<usize, OutboxError> {
        self.read(move |db, _| claims::waiting(db, &accounts)).await
    }

    /// The record of a message; of any principal's if `None`.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn get(&self, id: Uuid, principal: Option<Principal>) -> Result<Option<Email>, OutboxError> {
        self.read(move |db, _| read::get(db, id, principal)).await
    }

    /// The history of a message, oldest first.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn history(&self, id: Uuid) -> Result<Vec<Event>, OutboxError> {
        self.read(move |db, _| read::history(db, id)).await
    }

    /// The messages that match, newest first.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Email>, OutboxError> {
        self.read(move |db, _| read::list(db, &filter)).await
    }

    /// What waits.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn stats(&self) -> Result<Stats, OutboxError> {
        self.read(|db, _| read::stats(db)).await
    }

    /// Deletes what was kept long enough.
    ///
    /// # Errors
    /// The outbox cannot be used.
    pub async fn purge(&self) -> Result<(), OutboxError> {
        let record_kept = if self.is_durable() { RECORD_KEPT } else { RECORD_KEPT_IN_MEMORY };
        while self
            .write(Priority::Enqueue, 0, move |db, now| housekeeping::purge(db, now, record_kept))
            .await?
            > 0
        {}
        Ok(())
    }

    /// Checks the file, and counts the messages by state.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn check(&self) -> Result<Integrity, OutboxError> {
        self.read(|db, _| housekeeping::check(db)).await
    }

    /// Removes this process's file among the owners, if it is sending nothing.
    pub async fn leave(&self) {
        let me = self.owner();
        let Ok(owners) = self.read(|db, _| recover::owners(db)).await else { return };
        if let Some(directory) = self.shared.owners.as_deref().filter(|_| !owners.contains(&me)) {
            let last = Owner::in_memory();
            let owner = std::mem::replace(
                &mut *self.shared.owner.lock().unwrap_or_else(PoisonError::into_inner),
                last,
            );
            tracing::debug!(directory = %directory.display(), "the outbox was left");
            owner.leave();
        }
    }

    fn owner(&self) -> OwnerId {
        self.shared.owner.lock().unwrap_or_else(PoisonError::into_inner).id
    }

    /// This process's id, after making sure that others can see that it is alive.
    fn owner_in_place(&self) -> Result<OwnerId, OutboxError> {
        let failed = |error: std::io::Error| OutboxError::Failed(format!("the owner's file: {error}"));
        let mut owner = self.shared.owner.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(directory), false) = (&self.shared.owners, owner.is_held().map_err(failed)?) {
            *owner = Owner::create(directory).map_err(failed)?;
        }
        Ok(owner.id)
    }

    async fn write<T: Send + 'static>(
        &self,
        priority: Priority,
        bytes: usize,
        run: impl FnMut(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, OutboxError> {
        self.write_then(priority, bytes, run, |result| result).await
    }

    /// Runs `run` in a transaction, and after its commit `done`.
    async fn write_then<T: Send + 'static, U: Send + 'static>(
        &self,
        priority: Priority,
        bytes: usize,
        mut run: impl FnMut(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
        done: impl FnOnce(T) -> U + Send + 'static,
    ) -> Result<U, OutboxError> {
        let clock = self.shared.clock.clone();
        let (work, answer) = Operation::boxed(move |db| run(db, clock.now().timestamp_millis()), done);
        send(&self.shared.writer, Job { priority, bytes, work })?;
        answer.await.unwrap_or(Err(OutboxError::Closed))
    }

    async fn read<T: Send + 'static>(
        &self,
        mut run: impl FnMut(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let Some(reader) = &self.shared.reader else {
            return self.write(Priority::Claim, 0, run).await;
        };
        let (answer, result) = oneshot::channel();
        let clock = self.shared.clock.clone();
        let read = move |db: &Connection| {
            let found = run(db, clock.now().timestamp_millis()).map_err(|error| OutboxError::failed(&error));
            let _ = answer.send(found);
        };
        reader.send(Box::new(read)).map_err(|_| OutboxError::Closed)?;
        result.await.unwrap_or(Err(OutboxError::Closed))
    }
}

/// The directory of the owners' files: beside the database, one for each.
fn owners_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-owners");
    path.with_file_name(name)
}

fn start_reader(connection: Connection) -> std::io::Result<Sender<Read>> {
    let (reader, reads) = channel::<Read>();
    std::thread::Builder::new()
        .name("outbox-reader".to_owned())
        .spawn(move || reads.iter().for_each(|read| read(&connection)))?;
    Ok(reader)
}
