//! SQLite behind the operations: the threads that write and read, and this process's place among the owners.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::database::{Database, Location};
use super::error::OutboxError;
use super::owner::{Owner, OwnerId};
use super::writer::{self, Job, Operation, Priority, send};
use crate::clock::Clock;

/// The engine of an outbox.
pub(super) struct Engine {
    pub(super) writer: Sender<Job>,
    /// Without one the writer reads, too.
    reader: Option<Sender<Read>>,
    owner: Mutex<Owner>,
    /// Where the owners' files are. `None`: in memory there are none.
    pub(super) owners: Option<PathBuf>,
    pub(super) clock: Clock,
}

type Read = Box<dyn FnOnce(&Connection) + Send>;

impl Engine {
    /// Opens the database and starts its threads.
    pub(super) fn start(location: Location, clock: Clock) -> Result<Self, String> {
        let owners = match &location {
            Location::File(path) => Some(owners_of(path)),
            Location::Memory => None,
        };
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
        Ok(Self { writer, reader, owner: Mutex::new(owner), owners, clock })
    }

    /// This process's id.
    pub(super) fn owner(&self) -> OwnerId {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner).id
    }

    /// This process's id, after making sure that others can see that it is alive.
    pub(super) fn owner_in_place(&self) -> Result<OwnerId, OutboxError> {
        let failed = |error: std::io::Error| OutboxError::Failed(format!("the owner's file: {error}"));
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(directory), false) = (&self.owners, owner.is_held().map_err(failed)?) {
            *owner = Owner::create(directory).map_err(failed)?;
        }
        Ok(owner.id)
    }

    /// Gives up this process's file. It must not claim anything afterwards: others would take it for dead.
    pub(super) fn leave(&self) {
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *owner, Owner::in_memory()).leave();
    }

    /// As if the process had been killed: its lock is gone, and its file is not.
    #[cfg(test)]
    pub(super) fn forget_owner(&self) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = Owner::in_memory();
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
