//! Processes that are alive keep what they are sending; what a dead one was sending is unknown.

use std::path::Path;
use std::time::Duration;

use smtp_submission::CommitPoint;

use super::fixture::{ACCOUNT, Fixture, address, all_of, clock, message, outcome};
use crate::config::{OnUnknown, Retention};
use crate::outbox::{NewMessage, Retried};
use crate::outcome::{RecipientStatus, State};

/// A process that ends without a word: its lock is gone, and its claims with it.
fn kill(fixture: &Fixture, claims: Vec<crate::outbox::Claim>) {
    claims.into_iter().for_each(std::mem::forget);
    fixture.outbox.engine.forget_owner();
}

/// How many files of owners there are.
fn owners(directory: &Path) -> usize {
    let files = std::fs::read_dir(directory.join("outbox.db-owners")).unwrap();
    files
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|found| found == "lock"))
        .count()
}

#[tokio::test]
async fn what_a_dead_process_was_sending_is_unknown() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let first = Fixture::file(directory.path(), &clock);
    let second = Fixture::file(directory.path(), &clock);
    let mut claims = Vec::new();
    let mut ids = Vec::new();
    for on_unknown in [OnUnknown::Manual, OnUnknown::Retry, OnUnknown::AssumeSent] {
        let new = NewMessage { on_unknown, allow_duplicate: true, ..message(&["a@x.org"], "one") };
        let queued = first.enqueue(new).await;
        claims.push(first.claim(&queued).await);
        ids.push(queued.id);
    }
    let waiting = first.enqueue(message(&["a@x.org"], "two")).await;
    assert_eq!(second.outbox.recover().await.unwrap(), 0, "its owner is alive");
    kill(&first, claims);
    assert_eq!(second.outbox.recover().await.unwrap(), 3);
    let mut states = Vec::new();
    for id in ids {
        states.push(second.state(id).await);
    }
    assert_eq!(states, [State::Unknown, State::Queued, State::Sent]);
    assert_eq!(second.state(waiting.id).await, State::Queued);
    assert_eq!(owners(directory.path()), 1, "the file of the dead one is gone");
}

#[tokio::test]
async fn an_owner_whose_file_is_gone_gets_a_new_one_before_it_claims() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let fixture = Fixture::file(directory.path(), &clock);
    let queued = fixture.enqueue(message(&["a@x.org"], "one")).await;
    let before = fixture.outbox.engine.owner();
    std::fs::remove_dir_all(directory.path().join("outbox.db-owners")).unwrap();
    let claim = fixture.outbox.claim(&queued, &CommitPoint::new()).await.unwrap().unwrap();
    assert_ne!(fixture.outbox.engine.owner(), before);
    assert_eq!(owners(directory.path()), 1);
    std::fs::remove_dir_all(directory.path().join("outbox.db-owners")).unwrap();
    fixture.outbox.serve(vec![ACCOUNT]).unwrap();
    assert_ne!(fixture.outbox.engine.owner(), claim.key().owner);
    assert_eq!(fixture.outbox.recover().await.unwrap(), 0, "what it is sending goes on");
    assert_eq!(fixture.state(queued.id).await, State::Sending);
    assert!(fixture.outbox.release(claim).await.unwrap());
    let claim = fixture.claim(&fixture.queued(queued.id).await).await;
    let other = Fixture::file(directory.path(), &clock);
    assert_eq!(other.outbox.recover().await.unwrap(), 0);
    assert!(fixture.outbox.release(claim).await.unwrap());
}

#[tokio::test]
async fn whoever_took_a_message_goes_first_and_the_others_not_all_at_once() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let first = Fixture::file(directory.path(), &clock);
    let others: Vec<_> = (0..8).map(|_| Fixture::file(directory.path(), &clock)).collect();
    let queued = first.enqueue(message(&["a@x.org"], "one")).await;
    assert_eq!(first.due().await, [queued.id]);
    let mut turns = Vec::new();
    for milliseconds in (0..=3000).step_by(100) {
        for (number, other) in others.iter().enumerate() {
            if !other.due().await.is_empty() && !turns.iter().any(|(_, seen)| *seen == number) {
                turns.push((milliseconds, number));
            }
        }
        clock.advance(Duration::from_millis(100));
    }
    assert_eq!(turns.len(), others.len());
    assert!(turns[0].0 >= 2000, "{turns:?}");
    turns.dedup_by_key(|(at, _)| *at);
    assert!(turns.len() >= 3, "of 8 over a second: {turns:?}");
}

#[tokio::test]
async fn others_see_who_is_sending_and_that_someone_will() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let first = Fixture::file(directory.path(), &clock);
    let second = Fixture::file(directory.path(), &clock);
    second.outbox.serve(Vec::new()).unwrap();
    let queued = first.enqueue(message(&["a@x.org"], "one")).await;
    assert!(!second.email(queued.id).await.is_unserved, "the first one has the account");
    let claim = first.claim(&queued).await;
    let by = second.email(queued.id).await.sending_by.unwrap();
    assert_eq!((by.pid, by.host.is_empty()), (std::process::id(), false));
    assert_eq!(first.email(queued.id).await.sending_by, None, "itself");
    assert_eq!(second.outbox.retry(all_of(queued.id)).await.unwrap(), Retried::NotNow(State::Sending));
    first.outbox.release(claim).await.unwrap();
    first.outbox.serve(vec![]).unwrap();
    assert_eq!(second.outbox.stats().await.unwrap().unserved, 1);
    first.outbox.serve(vec![ACCOUNT]).unwrap();
    assert_eq!(second.outbox.stats().await.unwrap().unserved, 0);
    first.outbox.leave().await;
    assert_eq!(second.outbox.stats().await.unwrap().unserved, 1);
}

/// As when the disk was full in the moment in which a task that died gave its claim up.
#[tokio::test]
async fn a_claim_that_no_task_holds_is_given_up() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let fixture = Fixture::file(directory.path(), &clock);
    let queued = fixture.enqueue(message(&["a@x.org"], "one")).await;
    let held = fixture.claim(&queued).await;
    assert_eq!(fixture.outbox.recover().await.unwrap(), 0, "it is held");
    fixture.outbox.engine.claims.forget();
    assert_eq!(fixture.outbox.recover().await.unwrap(), 1);
    assert_eq!(fixture.state(queued.id).await, State::Unknown);
    let accepted = [outcome(address("a@x.org"), RecipientStatus::Accepted)];
    assert_eq!(fixture.outbox.record(held, &accepted, Duration::ZERO).await.unwrap(), None);
    assert_eq!(fixture.state(queued.id).await, State::Sent);
}

/// One was killed between the creation of its file and the lock, the other while it was sending nothing.
#[tokio::test]
async fn what_dead_processes_left_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Fixture::file(directory.path(), &clock());
    let owners = directory.path().join("outbox.db-owners");
    let never_locked = owners.join("x.1.new");
    let idle = owners.join(format!("{}.1.lock", uuid::Uuid::nil().simple()));
    for path in [&never_locked, &idle] {
        std::fs::write(path, "").unwrap();
    }
    fixture.outbox.purge(Retention::default()).await.unwrap();
    assert!(!never_locked.exists() && !idle.exists());
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("new");
    let fixture = Fixture::file(&below, &clock());
    fixture.enqueue(message(&["a@x.org"], "one")).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&below), 0o700);
    for entry in std::fs::read_dir(&below).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    fixture.outbox.leave().await;
    assert_eq!(owners(&below), 0);
}
