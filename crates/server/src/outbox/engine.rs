//! SQLite behind the operations: the threads that write and read, and this process's place among the owners.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::claim::HeldClaims;
use super::database::{Database, Reader};
use super::error::OutboxError;
use super::file::owners_of;
use super::owner::{Owner, OwnerId};
use super::waiting_count::WaitingCount;
use super::writer::{self, Job, Operation, Priority, Request, send};
use crate::clock::Clock;
use crate::config::{Account, OutboxLocation};

/// The engine of an outbox.
pub(super) struct Engine {
    pub(super) writer: Sender<Request<Job>>,
    /// Without one the writer reads, too.
    reader: Option<Sender<Request<Read>>>,
    owner: Mutex<Owner>,
    pub(super) claims: HeldClaims,
    /// Where the owners' files are. `None`: in memory there are none.
    pub(super) owners: Option<PathBuf>,
    pub(super) clock: Clock,
    pub(super) waiting: Arc<WaitingCount>,
    /// The content of a message is deleted at its end.
    forgets_content: AtomicBool,
}

type Read = Box<dyn FnOnce(&Reader) + Send>;

impl Engine {
    /// Opens the database and starts its threads.
    pub(super) fn start(location: &OutboxLocation, clock: Clock) -> Result<Self, String> {
        let database = Database::open(location, clock.now().timestamp_millis())?;
        let owners = database.path().map(owners_of);
        let owner = match &owners {
            Some(directory) => Owner::create(directory, Vec::new())
                .map_err(|error| format!("{}: {error}", directory.display()))?,
            None => Owner::in_memory(Vec::new()),
        };
        let reader = database.reader().map_err(|error| error.to_string())?;
        let reader = reader.map(start_reader).transpose().map_err(|error| error.to_string())?;
        let (writer, requests) = channel();
        std::thread::Builder::new()
            .name("outbox-writer".to_owned())
            .spawn(move || writer::run(database, &requests))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            writer,
            reader,
            owner: Mutex::new(owner),
            claims: HeldClaims::default(),
            forgets_content: AtomicBool::new(owners.is_none()),
            owners,
            clock,
            waiting: Arc::default(),
        })
    }

    /// Whether the content of a message is deleted at its end; in memory always.
    pub(super) fn forgets_content(&self) -> bool {
        self.forgets_content.load(Ordering::Relaxed)
    }

    pub(super) fn set_forgets_content(&self, forgets: bool) {
        self.forgets_content.store(forgets || self.owners.is_none(), Ordering::Relaxed);
    }

    /// This process's id.
    pub(super) fn owner(&self) -> OwnerId {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner).id
    }

    /// This process's id, after making sure that others can see that it is alive.
    pub(super) fn owner_in_place(&self) -> Result<OwnerId, OutboxError> {
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        self.put_in_place(&mut owner)?;
        Ok(owner.id)
    }

    fn put_in_place(&self, owner: &mut Owner) -> Result<(), OutboxError> {
        let failed = |error: std::io::Error| OutboxError::Failed(format!("the owner's file: {error}"));
        if let (Some(directory), false) = (&self.owners, owner.is_held().map_err(failed)?) {
            *owner = Owner::create(directory, owner.accounts.clone()).map_err(failed)?;
        }
        Ok(())
    }

    /// The accounts that this process can send with.
    pub(super) fn accounts(&self) -> Vec<Account> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner).accounts.clone()
    }

    /// Tells other processes that this one is alive, and which accounts it can send with.
    pub(super) fn serve(&self, accounts: Vec<Account>) -> Result<(), OutboxError> {
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        self.put_in_place(&mut owner)?;
        if owner.accounts == accounts {
            return Ok(());
        }
        owner.serve(accounts).map_err(|error| OutboxError::Failed(format!("the owner's file: {error}")))
    }

    /// Gives up this process's file. It must not claim anything afterwards: others would take it for dead.
    pub(super) fn leave(&self) {
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = Owner::in_memory(Vec::new());
        std::mem::replace(&mut *owner, gone).leave();
    }

    /// Ends both threads. The last process to close the file writes the log into it and removes the log.
    pub(super) async fn close(&self) {
        if let Some(reader) = &self.reader {
            close(reader).await;
        }
        close(&self.writer).await;
    }

    /// As if the process had been killed: its lock is gone, and its file is not.
    #[cfg(test)]
    pub(super) fn forget_owner(&self) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = Owner::in_memory(Vec::new());
    }

    /// Runs `run` in a transaction.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        priority: Priority,
        bytes: usize,
        run: impl FnMut(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, OutboxError> {
        self.write_then(priority, bytes, run, |result| result).await
    }

    /// Runs `run` in a transaction, and after its commit `done`.
    pub(super) async fn write_then<T: Send + 'static, U: Send + 'static>(
        &self,
        priority: Priority,
        bytes: usize,
        mut run: impl FnMut(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
        done: impl FnOnce(T) -> U + Send + 'static,
    ) -> Result<U, OutboxError> {
        let clock = self.clock.clone();
        let (work, answer) = Operation::boxed(move |db| run(db, clock.now().timestamp_millis()), done);
        send(&self.writer, Job { priority, bytes, work })?;
        answer.await.unwrap_or(Err(OutboxError::Closed))
    }

    /// Runs `run` on the reading connection.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        mut run: impl FnMut(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let Some(reader) = &self.reader else {
            return self.write(Priority::Claim, 0, run).await;
        };
        let (answer, result) = oneshot::channel();
        let clock = self.clock.clone();
        let read = move |db: &Reader| {
            let found = db.connection().and_then(|db| run(db, clock.now().timestamp_millis()));
            let found = found.map_err(|error| OutboxError::failed(&error));
            let _ = answer.send(found);
        };
        reader.send(Request::Run(Box::new(read))).map_err(|_| OutboxError::Closed)?;
        result.await.unwrap_or(Err(OutboxError::Closed))
    }
}

fn start_reader(reader: Reader) -> std::io::Result<Sender<Request<Read>>> {
    let (sender, requests) = channel::<Request<Read>>();
    let run = move || {
        for request in requests {
            match request {
                Request::Run(read) => read(&reader),
                Request::Close(done) => {
                    drop(reader);
                    let _ = done.send(());
                    return;
                }
            }
        }
    };
    std::thread::Builder::new().name("outbox-reader".to_owned()).spawn(run)?;
    Ok(sender)
}

async fn close<T>(thread: &Sender<Request<T>>) {
    let (done, closed) = oneshot::channel();
    if thread.send(Request::Close(done)).is_ok() {
        let _ = closed.await;
    }
}
