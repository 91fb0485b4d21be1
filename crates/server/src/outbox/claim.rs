//! The claim: what permits an attempt to send a message.

use std::collections::HashSet;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smtp_submission::CommitPoint;
use tracing::warn;

use super::operations::recover::give_up_lost;
use super::operations::settle::{ClaimKey, release};
use super::owner::OwnerId;
use super::writer::{Job, Operation, Priority, Request, send};
use crate::clock::Clock;
use crate::message::Digest;

/// How long a message waits that was dropped in the middle of an attempt.
const PAUSE_MS: i64 = 60_000;

/// The right to send one message, made by the commit that marks it as being sent. It ends with
/// [`record`](super::Outbox::record) or [`release`](super::Outbox::release).
///
/// Dropped without either, as by a panic, it releases the message if it certainly was not sent, and else its outcome is unknown.
#[derive(Debug)]
pub struct Claim {
    held: Arc<HeldClaim>,
    commit_point: CommitPoint,
    taken: Option<Digest>,
    abandoned: Option<Abandoned>,
}

/// The claims that this process holds, or whose beginning or end is on its way to the database.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldClaims(Arc<Mutex<HashSet<ClaimKey>>>);

/// A claim is held as long as this lives.
#[derive(Debug)]
pub(super) struct HeldClaim {
    pub(super) key: ClaimKey,
    all: HeldClaims,
}

impl HeldClaims {
    pub(super) fn hold(&self, key: ClaimKey) -> Arc<HeldClaim> {
        self.keys().insert(key);
        Arc::new(HeldClaim { key, all: self.clone() })
    }

    pub(super) fn contains(&self, key: ClaimKey) -> bool {
        self.keys().contains(&key)
    }

    /// Whether any of them was made under this id.
    pub(super) fn any_of(&self, owner: OwnerId) -> bool {
        self.keys().iter().any(|key| key.owner == owner)
    }

    /// As if no task held any.
    #[cfg(test)]
    pub(super) fn forget(&self) {
        self.keys().clear();
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<ClaimKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HeldClaim {
    fn drop(&mut self) {
        self.all.keys().remove(&self.key);
    }
}

/// What it takes to end a claim that was dropped.
#[derive(Debug)]
struct Abandoned {
    writer: Sender<Request<Job>>,
    clock: Clock,
}

impl Claim {
    pub(super) fn new(
        held: Arc<HeldClaim>,
        commit_point: CommitPoint,
        taken: Option<Digest>,
        writer: Sender<Request<Job>>,
        clock: Clock,
    ) -> Self {
        Self { held, commit_point, taken, abandoned: Some(Abandoned { writer, clock }) }
    }

    /// The digest of the message as it was taken. `None`: an older version of this program took it.
    pub fn taken(&self) -> Option<Digest> {
        self.taken
    }

    /// The point of no return of the attempt.
    pub fn commit_point(&self) -> &CommitPoint {
        &self.commit_point
    }

    pub(super) fn key(&self) -> ClaimKey {
        self.held.key
    }

    /// The claim has ended in the outbox.
    pub(super) fn end(mut self) {
        self.abandoned = None;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(Abandoned { writer, clock }) = self.abandoned.take() else { return };
        let held = Arc::clone(&self.held);
        let was_not_sent = self.commit_point.cancel();
        warn!(was_not_sent, "an attempt was dropped without an outcome");
        let (work, _) = Operation::boxed(
            move |db| {
                let now = clock.now().timestamp_millis();
                if was_not_sent {
                    // What failed so would fail so again at once.
                    return release(db, now, held.key, now + PAUSE_MS).map(drop);
                }
                give_up_lost(db, now, held.key).map(drop)
            },
            |()| (),
        );
        // If that fails, the message is found among those that nobody holds; if the writer is gone, by another process.
        let _ = send(&writer, Job { priority: Priority::Record, bytes: 0, work });
    }
}
