//! A full disk, a commit that fails, a database that cannot be used.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtp_submission::CommitPoint;

use super::super::writer::{Job, Operation, Priority, send};
use super::fixture::{Fixture, address, clock, message, outcome};
use crate::clock::Clock;
use crate::config::OutboxLocation;
use crate::outbox::{NewMessage, Outbox, OutboxError};
use crate::outcome::{RecipientStatus, State};

/// Keeps the writer busy until the returned sender is used, so that what follows becomes one batch.
fn hold(fixture: &Fixture) -> std::sync::mpsc::Sender<()> {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let outbox = fixture.outbox.clone();
    let (started, is_running) = std::sync::mpsc::channel::<()>();
    tokio::spawn(async move {
        outbox
            .engine
            .write(Priority::Record, 0, move |_, _| {
                let _ = started.send(());
                let _ = wait.recv();
                Ok(())
            })
            .await
    });
    tokio::task::block_in_place(|| is_running.recv().unwrap());
    go
}

/// Others may wait for more batches than one: what an attempt came to is recorded before them.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_goes_before_what_waits_since_earlier() {
    let fixture = Fixture::memory();
    let writer = fixture.outbox.engine.writer.clone();
    let order = Arc::new(Mutex::new(Vec::new()));
    let job = |priority, name: usize, next: Option<Job>| {
        let (order, writer, mut next) = (Arc::clone(&order), writer.clone(), next);
        let run = move |_: &rusqlite::Connection| {
            order.lock().unwrap().push(name);
            if let Some(next) = next.take() {
                send(&writer, next).unwrap();
            }
            Ok(())
        };
        let (work, done) = Operation::boxed(run, |()| ());
        (Job { priority, bytes: 0, work }, done)
    };
    let go = hold(&fixture);
    let (record, recorded) = job(Priority::Record, 1000, None);
    let mut ended = vec![recorded];
    let mut record = Some(record);
    for number in 0..100 {
        let (job, done) = job(Priority::Enqueue, number, record.take());
        send(&writer, job).unwrap();
        ended.push(done);
    }
    go.send(()).unwrap();
    for done in ended {
        done.await.unwrap().unwrap();
    }
    let order = order.lock().unwrap();
    assert_eq!((order[63], order[64], order[65]), (63, 1000, 64));
}

/// SQLITE_FULL ends the whole transaction, and with it what the operations before it in the batch did.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_in_the_middle_of_a_batch_loses_nothing_that_was_promised() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::file(directory.path(), &clock());
    let limit = |pages: i64| {
        fixture.outbox.engine.write(Priority::Record, 0, move |db, _| {
            // The limit is the connection's; it cannot be below what is in use.
            db.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))
        })
    };
    let pages = limit(1).await.unwrap();
    let go = hold(&fixture);
    let mut calls = Vec::new();
    for number in 0..20 {
        let mut new = message(&["a@x.org"], &format!("{number}"));
        if number % 2 == 1 {
            let mut large = crate::message::Message::clone(&new.message);
            large.content = vec![b'x'; 400_000].into();
            new.message = std::sync::Arc::new(large.sealed());
        }
        let (outbox, id) = (fixture.outbox.clone(), new.id);
        calls.push((id, tokio::spawn(async move { outbox.enqueue(new).await })));
    }
    tokio::task::yield_now().await;
    limit_during(&fixture, pages + 300);
    go.send(()).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for (id, call) in calls {
        let is_there = match call.await.unwrap() {
            Ok(_) => {
                taken += 1;
                true
            }
            Err(OutboxError::Failed(problem)) => {
                assert!(problem.contains("full"), "{problem}");
                refused += 1;
                false
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(fixture.outbox.get(id, None).await.unwrap().is_some(), is_there);
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    assert!(fixture.outbox.check().await.unwrap().problems.is_empty());
    limit(1 << 20).await.unwrap();
    fixture.enqueue(message(&["a@x.org"], "room again")).await;
}

/// Queues a change of the limit among the operations of the batch that waits.
fn limit_during(fixture: &Fixture, pages: i64) {
    let outbox = fixture.outbox.clone();
    tokio::spawn(async move {
        outbox
            .engine
            .write(Priority::Record, 0, move |db, _| {
                db.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))
            })
            .await
    });
}

/// One operation makes the commit fail; the others of its batch are done all the same, each once.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_fails_for_its_cause_only() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::file(directory.path(), &clock());
    let claimed = fixture.enqueue(message(&["a@x.org"], "claimed")).await;
    let go = hold(&fixture);
    let bad = {
        let outbox = fixture.outbox.clone();
        tokio::spawn(async move {
            outbox
                .engine
                .write(Priority::Record, 0, |db, _| {
                    // Found at the commit only.
                    db.execute_batch(
                        "PRAGMA defer_foreign_keys = ON; INSERT INTO content VALUES (999, '', x'')",
                    )
                })
                .await
        })
    };
    let claim = {
        let outbox = fixture.outbox.clone();
        tokio::spawn(async move { outbox.claim(&claimed, &CommitPoint::new()).await })
    };
    let new = message(&["a@x.org"], "one");
    let id = new.id;
    let enqueued = {
        let outbox = fixture.outbox.clone();
        tokio::spawn(async move { outbox.enqueue(new).await })
    };
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    assert!(matches!(bad.await.unwrap(), Err(OutboxError::Uncertain(_))));
    enqueued.await.unwrap().unwrap();
    assert_eq!(fixture.state(id).await, State::Queued);
    let claim = claim.await.unwrap().unwrap().unwrap();
    let accepted = [outcome(address("a@x.org"), RecipientStatus::Accepted)];
    assert_eq!(fixture.outbox.record(claim, &accepted, Duration::ZERO).await.unwrap(), Some(State::Sent));
    assert_eq!(fixture.email(claimed.id).await.attempts, 1);
}

/// The answer of a commit is lost: what is run again finds what was written.
#[tokio::test]
async fn an_operation_that_is_run_again_does_nothing_twice() {
    let fixture = Fixture::memory();
    let (new, owner) = (message(&["a@x.org"], "one"), fixture.outbox.engine.owner());
    let queued = fixture.enqueue(new.clone()).await;
    let again = fixture.enqueue(new).await;
    assert_eq!(queued, again);
    let claim = fixture.claim(&queued).await;
    let token = fixture
        .outbox
        .engine
        .write(Priority::Claim, 0, move |db, now| {
            super::super::operations::claim::claim(db, now, owner, &queued)
        })
        .await;
    assert!(token.unwrap().is_some());
    let key = claim.key();
    let deferred = [outcome(address("a@x.org"), RecipientStatus::Deferred)];
    fixture.outbox.record(claim, &deferred, Duration::from_secs(30)).await.unwrap();
    let before = fixture.email(queued.id).await;
    let recorded = fixture
        .outbox
        .engine
        .write(Priority::Record, 0, move |db, now| {
            super::super::operations::settle::record(db, now, key, &deferred, now)
        })
        .await;
    assert_eq!(recorded.unwrap(), Some(State::Queued));
    assert_eq!(fixture.email(queued.id).await, before);
    assert_eq!(fixture.outbox.history(queued.id).await.unwrap().len(), 3);
}

/// The program ends while a claim is being committed: the message was certainly not sent, and waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_caller_is_gone_is_released_before_the_outbox_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::file(directory.path(), &clock());
    let queued = fixture.enqueue(message(&["a@x.org"], "one")).await;
    let go = hold(&fixture);
    {
        let commit_point = CommitPoint::new();
        let mut claim = std::pin::pin!(fixture.outbox.claim(&queued, &commit_point));
        // Its job is in the writer's queue now.
        assert!(
            std::future::poll_fn(|context| std::task::Poll::Ready(claim.as_mut().poll(context)))
                .await
                .is_pending()
        );
    }
    go.send(()).unwrap();
    fixture.outbox.leave().await;
    let email = fixture.email(queued.id).await;
    assert_eq!((email.state, email.attempts), (State::Queued, 0));
}

#[tokio::test]
async fn a_damaged_message_is_not_sent() {
    let fixture = Fixture::memory();
    let queued = fixture.enqueue(message(&["a@x.org"], "one")).await;
    fixture
        .outbox
        .engine
        .write(Priority::Record, 0, |db, _| db.execute("UPDATE content SET bytes = x'00'", []))
        .await
        .unwrap();
    let error = fixture.outbox.load(&queued).await.unwrap_err();
    assert!(matches!(error, OutboxError::Damaged(_)), "{error}");
}

#[test]
fn a_place_that_cannot_be_used_names_both_ways_out() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a database, though long enough to be taken for one by its size alone")
        .unwrap();
    for path in [file.clone(), file.join("below"), directory.path().to_owned()] {
        let error = Outbox::open(&OutboxLocation::File(path), Clock::System).err().unwrap();
        assert!(error.contains("sqlite:PATH") && error.contains("memory"), "{error}");
    }
}

/// Every commit is on the disk before it is answered.
#[tokio::test]
async fn the_durable_settings_are_in_effect() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::file(directory.path(), &clock());
    fixture.enqueue(NewMessage { ..message(&["a@x.org"], "one") }).await;
    let pragma = |name: &'static str| {
        fixture.outbox.engine.write(Priority::Record, 0, move |db, _| {
            db.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
        })
    };
    use rusqlite::types::Value::{Integer, Text};
    for (name, value) in [
        ("synchronous", Integer(2)),
        ("journal_mode", Text("wal".to_owned())),
        ("foreign_keys", Integer(1)),
        ("page_size", Integer(2048)),
        ("auto_vacuum", Integer(2)),
        ("secure_delete", Integer(1)),
    ] {
        assert_eq!(pragma(name).await.unwrap(), value, "{name}");
    }
}
