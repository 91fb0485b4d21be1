//! Processes that are alive keep what they are sending; what a dead one was sending is unknown.

use smtp_submission::CommitPoint;

use super::fixture::{Fixture, clock, message};
use crate::config::OnUnknown;
use crate::outbox::NewMessage;
use crate::outcome::State;

/// A process that ends without a word: its lock is gone, and its claims with it.
fn kill(fixture: &Fixture, claims: Vec<crate::outbox::Claim>) {
    claims.into_iter().for_each(std::mem::forget);
    fixture.outbox.engine.forget_owner();
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
    let owners = std::fs::read_dir(directory.path().join("outbox.db-owners")).unwrap().count();
    assert_eq!(owners, 1, "the file of the dead one is gone");
}

#[tokio::test]
async fn an_owner_whose_file_is_gone_gets_a_new_one_before_it_claims() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let fixture = Fixture::file(directory.path(), &clock);
    let queued = fixture.enqueue(message(&["a@x.org"], "one")).await;
    let before = fixture.outbox.engine.owner();
    let owners = directory.path().join("outbox.db-owners");
    std::fs::remove_dir_all(&owners).unwrap();
    let claim = fixture.outbox.claim(&queued, &CommitPoint::new()).await.unwrap().unwrap();
    assert_ne!(fixture.outbox.engine.owner(), before);
    assert_eq!(std::fs::read_dir(&owners).unwrap().count(), 1);
    let other = Fixture::file(directory.path(), &clock);
    assert_eq!(other.outbox.recover().await.unwrap(), 0);
    assert!(fixture.outbox.release(claim).await.unwrap());
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
    assert_eq!(std::fs::read_dir(below.join("outbox.db-owners")).unwrap().count(), 0);
}
