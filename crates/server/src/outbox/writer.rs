//! The thread that writes: it takes what is waiting, runs it in one transaction, commits, and then answers.
//!
//! It never waits for more work to come: a lone caller would pay for it.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;
use tracing::{error, warn};

use super::database::Database;
use super::error::OutboxError;

/// Operations in one transaction, at most.
const BATCH: usize = 64;

/// An operation with more bytes has a transaction of its own.
const LARGE: usize = 1 << 20;

/// Which operations of a batch come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priority {
    Record,
    Claim,
    Enqueue,
}

/// An operation that waits for the writer.
pub(super) struct Job {
    pub(super) priority: Priority,
    /// About how much it writes.
    pub(super) bytes: usize,
    pub(super) work: Box<dyn Work>,
}

/// What a thread of the outbox is asked for.
pub(super) enum Request<T> {
    Run(T),
    /// To close its connection, after what was asked before, and then to say so.
    Close(oneshot::Sender<()>),
}

/// The work of an operation. It may be run more than once: what an earlier run did was rolled back, or cannot be known;
/// in that case a second run finds it.
pub(super) trait Work: Send {
    fn run(&mut self, db: &Connection) -> rusqlite::Result<()>;
    /// Answers the caller, after the commit.
    fn finish(self: Box<Self>, committed: Result<(), OutboxError>);
}

/// An operation that returns a `T`, and its caller.
pub(super) struct Operation<T, U, F, G> {
    run: F,
    /// Makes what the caller gets, once it is committed.
    done: G,
    result: Option<T>,
    caller: oneshot::Sender<Result<U, OutboxError>>,
}

impl<T, U, F, G> Operation<T, U, F, G>
where
    T: Send + 'static,
    U: Send + 'static,
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    G: FnOnce(T) -> U + Send + 'static,
{
    pub(super) fn boxed(run: F, done: G) -> (Box<dyn Work>, oneshot::Receiver<Result<U, OutboxError>>) {
        let (caller, answer) = oneshot::channel();
        (Box::new(Self { run, done, result: None, caller }), answer)
    }
}

impl<T, U, F, G> Work for Operation<T, U, F, G>
where
    T: Send,
    U: Send,
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send,
    G: FnOnce(T) -> U + Send,
{
    fn run(&mut self, db: &Connection) -> rusqlite::Result<()> {
        self.result = Some((self.run)(db)?);
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<(), OutboxError>) {
        let answer = match (committed, self.result) {
            (Ok(()), Some(result)) => Ok((self.done)(result)),
            (Ok(()), None) => Err(OutboxError::Closed),
            (Err(error), _) => Err(error),
        };
        // A caller that left: a claim among the answers notices it when it is dropped.
        drop(self.caller.send(answer));
    }
}

/// The jobs that wait, by priority.
#[derive(Default)]
struct Waiting([VecDeque<Job>; 3]);

impl Waiting {
    fn add(&mut self, job: Job) {
        self.0[job.priority as usize].push_back(job);
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(VecDeque::is_empty)
    }

    /// The next batch.
    fn batch(&mut self) -> Vec<Job> {
        let mut batch: Vec<Job> = Vec::new();
        for queue in &mut self.0 {
            while let Some(next) = queue.front() {
                let is_large = next.bytes > LARGE;
                if batch.len() == BATCH || is_large && !batch.is_empty() {
                    return batch;
                }
                batch.extend(queue.pop_front());
                if is_large {
                    return batch;
                }
            }
        }
        batch
    }
}

/// Runs jobs until it is asked to close, or every sender is gone.
pub(super) fn run(mut db: Database, requests: &Receiver<Request<Job>>) {
    let mut waiting = Waiting::default();
    let mut closed = None;
    while closed.is_none() || !waiting.is_empty() {
        let first = if waiting.is_empty() { requests.recv().ok() } else { None };
        if first.is_none() && waiting.is_empty() {
            return;
        }
        // What came during a batch may go before what waits since then.
        for request in first.into_iter().chain(requests.try_iter()) {
            match request {
                Request::Run(job) => waiting.add(job),
                Request::Close(done) => closed = Some(done),
            }
        }
        if !waiting.is_empty() {
            run_batch(&mut db, waiting.batch());
        }
    }
    drop(db);
    if let Some(done) = closed {
        let _ = done.send(());
    }
}

/// Runs `batch` in one transaction. If that is lost as a whole, each job gets a transaction of its own.
fn run_batch(db: &mut Database, mut batch: Vec<Job>) {
    if batch.len() == 1 {
        return run_alone(db, batch);
    }
    let results = match try_batch(db, &mut batch) {
        Ok(results) => results,
        Err(Failure { error, at_commit }) => {
            warn!("the outbox: a transaction was lost, its operations are run one by one: {error}");
            // What is really on the disk counts.
            if at_commit && let Err(error) = db.reopen() {
                error!("the outbox: {error}");
            }
            return run_alone(db, batch);
        }
    };
    for (job, result) in batch.into_iter().zip(results) {
        job.work.finish(result);
    }
}

/// What each job's savepoint came to, if the transaction was committed.
fn try_batch(db: &mut Database, batch: &mut [Job]) -> Result<Vec<Result<(), OutboxError>>, Failure> {
    let early = |error| Failure { error, at_commit: false };
    let connection = db.begin().map_err(early)?;
    let mut results = Vec::with_capacity(batch.len());
    for job in batch {
        match in_savepoint(connection, job) {
            Ok(()) => results.push(Ok(())),
            // SQLITE_FULL and others end the whole transaction, what the jobs before did included.
            Err(error) if connection.is_autocommit() => return Err(early(error)),
            Err(error) => {
                if let Err(lost) = connection.execute_batch("ROLLBACK TO job; RELEASE job") {
                    db.roll_back();
                    return Err(early(lost));
                }
                results.push(Err(OutboxError::failed(&error)));
            }
        }
    }
    db.commit().map_err(|error| Failure { error, at_commit: true })?;
    Ok(results)
}

fn in_savepoint(connection: &Connection, job: &mut Job) -> rusqlite::Result<()> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    job.work.run(connection)?;
    connection.prepare_cached("RELEASE job")?.execute([])?;
    Ok(())
}

fn run_alone(db: &mut Database, jobs: Vec<Job>) {
    for mut job in jobs {
        let result = alone(db, &mut job);
        job.work.finish(result);
    }
}

/// One job in its own transaction. If the commit fails, the job is run again on a new connection, where it finds what was
/// written after all.
fn alone(db: &mut Database, job: &mut Job) -> Result<(), OutboxError> {
    match attempt(db, job) {
        Ok(()) => Ok(()),
        Err(Failure { error, at_commit: false }) => Err(OutboxError::failed(&error)),
        // The record that makes a transaction valid is the last one that is written to the log.
        Err(Failure { error, .. }) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            Err(OutboxError::failed(&error))
        }
        Err(Failure { error, at_commit: true }) => {
            error!("the outbox: a commit failed: {error}");
            db.reopen().map_err(|_| OutboxError::uncertain(&error))?;
            attempt(db, job).map_err(|again| OutboxError::uncertain(&again.error))
        }
    }
}

struct Failure {
    error: rusqlite::Error,
    at_commit: bool,
}

fn attempt(db: &mut Database, job: &mut Job) -> Result<(), Failure> {
    let early = |error| Failure { error, at_commit: false };
    let connection = db.begin().map_err(early)?;
    if let Err(error) = job.work.run(connection) {
        db.roll_back();
        return Err(early(error));
    }
    db.commit().map_err(|error| Failure { error, at_commit: true })
}

/// Puts a job into the writer's queue.
pub(super) fn send(writer: &Sender<Request<Job>>, job: Job) -> Result<(), OutboxError> {
    writer.send(Request::Run(job)).map_err(|_| OutboxError::Closed)
}
