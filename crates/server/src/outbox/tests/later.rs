//! Mails that are sent later, how much is taken, how long it is kept, and whose turn it is.

use std::time::Duration;

use chrono::TimeDelta;

use super::fixture::{Fixture, address, clock, message, outcome};
use crate::config::{OutboxLimits, Retention};
use crate::outbox::{Cancelled, Enqueued, NewMessage, NoRoom, Principal, Schedule};
use crate::outcome::RecipientStatus::{Accepted, Deferred};
use crate::outcome::State;

const fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

/// On a file and in memory.
fn both(directory: &tempfile::TempDir) -> [Fixture; 2] {
    [Fixture::memory(), Fixture::file(directory.path(), &clock())]
}

fn at(f: &Fixture, hours: i64, request: &str) -> NewMessage {
    let at = f.clock.now().to_utc() + TimeDelta::hours(hours);
    NewMessage { schedule: Schedule::At(at), ..message(&["a@x.org"], request) }
}

/// The clock of the machine is 8 hours fast while they are taken, and then put right; or the other way round.
#[tokio::test]
async fn all_leave_at_the_right_time_though_the_clock_jumps() {
    let directory = tempfile::tempdir().unwrap();
    for f in both(&directory) {
        f.clock.advance(hours(8));
        let scheduled = f.enqueue(at(&f, 2, "scheduled")).await.id;
        let undo = NewMessage {
            schedule: Schedule::After(Duration::from_secs(10)),
            ..message(&["a@x.org"], "undo")
        };
        let undo = f.enqueue(undo).await.id;
        let tried = f.attempted(message(&["a@x.org"], "tried"), &[Deferred]).await.id;
        assert!(f.due().await.is_empty());
        f.clock.turn_back(hours(8));
        assert_eq!(f.due().await, [undo, tried], "no pause is so long: the clock was wrong");
        for id in [undo, tried] {
            let claim = f.claim(&f.queued(id).await).await;
            f.outbox.record(claim, &[outcome(address("a@x.org"), Accepted)], Duration::ZERO).await.unwrap();
        }
        f.clock.advance(hours(10) - Duration::from_secs(1));
        assert!(f.due().await.is_empty());
        f.clock.advance(Duration::from_secs(1));
        assert_eq!(f.due().await, [scheduled]);

        let later = f.enqueue(at(&f, 6, "later")).await.id;
        let tried = f.attempted(message(&["b@x.org"], "tried"), &[Deferred]).await.id;
        f.clock.advance(hours(8));
        assert_eq!(f.due().await, [scheduled, tried, later]);
    }
}

#[tokio::test]
async fn what_is_scheduled_expires_two_days_after_its_time_and_drain_leaves_it_alone() {
    let directory = tempfile::tempdir().unwrap();
    for f in both(&directory) {
        let queued = f.enqueue(at(&f, 24 * 80, "one")).await;
        let waiting = NewMessage { schedule: Schedule::After(hours(1)), ..message(&["a@x.org"], "two") };
        f.enqueue(waiting).await;
        f.outbox.make_due().await.unwrap();
        assert!(f.due().await.is_empty());
        f.clock.advance(hours(24 * 80 + 47));
        let claim = f.claim(&f.queued(queued.id).await).await;
        let deferred = [outcome(address("a@x.org"), Deferred)];
        let state = f.outbox.record(claim, &deferred, Duration::ZERO).await.unwrap();
        assert_eq!(state, Some(State::Queued), "it was not even tried for two days");
    }
}

#[tokio::test]
async fn what_is_cancelled_waits_no_longer() {
    let directory = tempfile::tempdir().unwrap();
    for f in both(&directory) {
        let id = f.enqueue(at(&f, 1, "one")).await.id;
        assert_eq!(f.outbox.cancel(id, Some(Principal::Http)).await.unwrap(), Cancelled::NotFound);
        assert_eq!(f.outbox.cancel(id, Some(Principal::Local)).await.unwrap(), Cancelled::Withdrawn);
        assert_eq!(f.outbox.cancel(id, None).await.unwrap(), Cancelled::TooLate(State::Cancelled));
        f.clock.advance(hours(2));
        assert_eq!((f.due().await, f.state(id).await), (Vec::new(), State::Cancelled));
        // It is no duplicate.
        f.enqueue(message(&["a@x.org"], "one")).await;
    }
}

struct Case {
    limits: OutboxLimits,
    content: usize,
    expected: fn(NoRoom) -> bool,
    /// There is no disk to be full.
    also_in_memory: bool,
}

#[tokio::test]
async fn a_full_outbox_says_why_and_loses_nothing() {
    let none = OutboxLimits { min_free: 0, ..OutboxLimits::default() };
    let table = [
        Case {
            limits: OutboxLimits { min_free: u64::MAX / 2, ..none },
            content: 10,
            expected: |lacking| matches!(lacking, NoRoom::Disk(free) if free > 0),
            also_in_memory: false,
        },
        Case {
            limits: OutboxLimits { max_size: 1 << 20, ..none },
            content: 1 << 20,
            expected: |lacking| lacking == NoRoom::Size(1 << 20),
            also_in_memory: true,
        },
        Case {
            limits: OutboxLimits { max_waiting: 1, ..none },
            content: 10,
            expected: |lacking| lacking == NoRoom::Waiting(1),
            also_in_memory: true,
        },
    ];
    for case in table {
        let directory = tempfile::tempdir().unwrap();
        for (number, f) in both(&directory).into_iter().enumerate() {
            let first = NewMessage { idempotency_key: Some("k".to_owned()), ..message(&["a@x.org"], "one") };
            let id = f.enqueue(first.clone()).await.id;
            let mut large = crate::message::Message::clone(&first.message);
            large.content = vec![b'x'; case.content].into();
            let new = message(&["a@x.org"], "two");
            let new = NewMessage { limits: case.limits, message: std::sync::Arc::new(large.sealed()), ..new };
            match f.outbox.enqueue(new).await.unwrap() {
                Enqueued::NoRoom(lacking) => assert!((case.expected)(lacking), "{lacking:?}"),
                Enqueued::New(_) if !case.also_in_memory && number == 0 => {}
                other => panic!("{other:?}"),
            }
            let again = NewMessage { id: uuid::Uuid::new_v4(), limits: case.limits, ..first };
            assert_eq!(f.outbox.enqueue(again).await.unwrap(), Enqueued::Earlier(id), "it is taken already");
        }
    }
}

#[tokio::test]
async fn nothing_is_kept_where_nothing_is_to_be_kept() {
    let directory = tempfile::tempdir().unwrap();
    let f = Fixture::file(directory.path(), &clock());
    let none = Retention { content: Duration::ZERO, record: Duration::ZERO };
    f.outbox.set_retention(none);
    let ended = f.attempted(message(&["a@x.org"], "one"), &[Accepted]).await.id;
    let waiting = f.attempted(message(&["a@x.org"], "two"), &[Deferred]).await.id;
    assert!(!f.email(ended).await.has_content);
    f.outbox.purge(none).await.unwrap();
    assert_eq!(f.state(ended).await, State::Sent, "whoever waits for it can read it");
    f.clock.advance(Duration::from_secs(61));
    let purged = f.outbox.purge(none).await.unwrap();
    assert_eq!((purged.contents, purged.records), (0, 1));
    assert_eq!(f.outbox.get(ended, None).await.unwrap(), None);
    assert!(f.email(waiting).await.has_content, "what waits is never deleted");
}

/// However a message ends: what was cancelled may be large, and there may be many.
#[tokio::test]
async fn in_memory_no_content_outlives_its_message() {
    let f = Fixture::memory();
    let id = f.enqueue(at(&f, 1, "one")).await.id;
    f.outbox.cancel(id, None).await.unwrap();
    f.outbox.purge(Retention::default()).await.unwrap();
    let email = f.email(id).await;
    assert_eq!((email.state, email.has_content), (State::Cancelled, false));
}

#[tokio::test]
async fn callers_take_turns() {
    let directory = tempfile::tempdir().unwrap();
    for f in both(&directory) {
        let mut ids = Vec::new();
        for (number, principal) in
            [Principal::Local, Principal::Local, Principal::Local, Principal::Http].into_iter().enumerate()
        {
            let new = NewMessage { principal, ..message(&["a@x.org"], &number.to_string()) };
            ids.push(f.enqueue(new).await.id);
            f.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(f.due().await, [ids[0], ids[3], ids[1], ids[2]]);
    }
}
