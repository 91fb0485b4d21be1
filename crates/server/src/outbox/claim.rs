//! The claim: what permits an attempt to send a message.

use std::sync::mpsc::Sender;

use smtp_submission::CommitPoint;
use tracing::warn;

use super::operations::recover::give_up;
use super::operations::settle::{ClaimKey, release};
use super::writer::{Job, Operation, Priority, send};
use crate::clock::Clock;

/// How long a message waits that was dropped in the middle of an attempt.
const PAUSE_MS: i64 = 60_000;

/// The right to send one message, made by the commit that marks it as being sent. It ends with
/// [`record`](super::Outbox::record) or [`release`](super::Outbox::release).
///
/// Dropped without either, as by a panic, it releases the message if it certainly was not sent, and else its outcome is unknown.
#[derive(Debug)]
pub struct Claim {
    key: ClaimKey,
    commit_point: CommitPoint,
    abandoned: Option<Abandoned>,
}

/// What it takes to end a claim that was dropped.
#[derive(Debug)]
struct Abandoned {
    writer: Sender<Job>,
    clock: Clock,
}

impl Claim {
    pub(super) fn new(key: ClaimKey, commit_point: CommitPoint, writer: Sender<Job>, clock: Clock) -> Self {
        Self { key, commit_point, abandoned: Some(Abandoned { writer, clock }) }
    }

    /// The point of no return of the attempt.
    pub fn commit_point(&self) -> &CommitPoint {
        &self.commit_point
    }

    pub(super) fn key(&self) -> ClaimKey {
        self.key
    }

    /// The claim has ended in the outbox.
    pub(super) fn end(mut self) {
        self.abandoned = None;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(Abandoned { writer, clock }) = self.abandoned.take() else { return };
        let key = self.key;
        let was_not_sent = self.commit_point.cancel();
        warn!(was_not_sent, "an attempt was dropped without an outcome");
        let (work, _) = Operation::boxed(
            move |db| {
                let now = clock.now().timestamp_millis();
                if was_not_sent {
                    // What failed so would fail so again at once.
                    return release(db, now, key, now + PAUSE_MS).map(drop);
                }
                give_up(db, now, key, "an error inside this program ended the delivery; please report it")
            },
            |()| (),
        );
        // If the writer is gone, the next start of the program finds the message without an owner.
        let _ = send(&writer, Job { priority: Priority::Record, bytes: 0, work });
    }
}
