//! Files that were copied, replaced, made by a newer version or by another program, or lie where they must not.

use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use rusqlite::Connection;

use super::fixture::{Fixture, address, clock, message, outcome};
use crate::config::OutboxLocation;
use crate::outbox::{Outbox, OutboxError};
use crate::outcome::{RecipientStatus, State};

fn database(directory: &Path) -> Connection {
    Connection::open(directory.join("outbox.db")).unwrap()
}

/// Why the outbox cannot be opened.
fn refusal(path: &Path) -> String {
    match Outbox::open(&OutboxLocation::File(path.to_owned()), clock()) {
        Ok(_) => panic!("opened"),
        Err(problem) => problem,
    }
}

#[tokio::test]
async fn what_waits_in_a_copy_is_held_until_someone_adopts_it() {
    let (original, copy, clock) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), clock());
    let first = Fixture::file(original.path(), &clock);
    let waiting = first.enqueue(message(&["a@x.org"], "waiting")).await;
    let sending = first.enqueue(message(&["a@x.org"], "sending")).await;
    let claim = first.claim(&sending).await;
    let sent = first.attempted(message(&["a@x.org"], "sent"), &[RecipientStatus::Accepted]).await;
    let to = copy.path().join("outbox.db");
    database(original.path()).execute("VACUUM INTO ?", [to.to_str().unwrap()]).unwrap();

    let second = Fixture::file(copy.path(), &clock);
    assert_eq!(second.state(waiting.id).await, State::Held);
    assert_eq!(second.state(sending.id).await, State::Unknown);
    assert_eq!(second.state(sent.id).await, State::Sent);
    assert!(second.due().await.is_empty());
    assert_eq!(second.outbox.stats().await.unwrap().held, 1);
    let new = second.enqueue(message(&["a@x.org"], "new")).await;
    assert_eq!(second.due().await, [new.id]);
    // Opened again, it is known.
    let third = Fixture::file(copy.path(), &clock);
    assert_eq!(third.state(new.id).await, State::Queued);
    clock.advance(Duration::from_secs(60));
    assert_eq!(third.outbox.adopt().await.unwrap(), 1);
    assert_eq!(second.state(waiting.id).await, State::Queued);
    let accepted = [outcome(address("a@x.org"), RecipientStatus::Accepted)];
    second
        .outbox
        .record(second.claim(&second.queued(waiting.id).await).await, &accepted, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(second.state(waiting.id).await, State::Sent);

    assert_eq!(first.state(waiting.id).await, State::Queued, "the original is as it was");
    assert_eq!(first.outbox.record(claim, &accepted, Duration::ZERO).await.unwrap(), Some(State::Sent));
}

#[tokio::test]
async fn a_process_stops_when_its_file_was_removed_or_replaced() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let fixture = Fixture::file(directory.path(), &clock);
    let queued = fixture.enqueue(message(&["a@x.org"], "one")).await;
    let path = directory.path().join("outbox.db");
    std::fs::remove_file(&path).unwrap();
    let stops = async |fixture: &Fixture| {
        let new = message(&["a@x.org"], "two");
        for error in [
            fixture.outbox.enqueue(new).await.map(drop).unwrap_err(),
            fixture.outbox.due(10).await.map(drop).unwrap_err(),
            fixture.outbox.claim(&queued, &smtp_submission::CommitPoint::new()).await.map(drop).unwrap_err(),
        ] {
            assert!(matches!(error, OutboxError::Unusable(_)), "{error}");
            assert!(error.to_string().contains("restart this program"), "{error}");
        }
    };
    stops(&fixture).await;
    let other = Fixture::file(directory.path(), &clock);
    stops(&fixture).await;
    assert!(other.due().await.is_empty());
    other.enqueue(message(&["a@x.org"], "three")).await;
}

#[tokio::test]
async fn a_newer_version_stops_this_one() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let fixture = Fixture::file(directory.path(), &clock);
    let newer = database(directory.path());
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    let error = fixture.outbox.enqueue(message(&["a@x.org"], "one")).await.unwrap_err();
    assert!(matches!(&error, OutboxError::Unusable(problem) if problem.contains("newer version")), "{error}");
    assert!(matches!(fixture.outbox.due(10).await, Err(OutboxError::Unusable(_))));
    let problem = refusal(&directory.path().join("outbox.db"));
    assert!(problem.contains("form 99") && problem.contains("install that version"), "{problem}");
    let count: i64 = newer.query_row("SELECT count(*) FROM message", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
}

#[test]
fn what_is_no_outbox_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    Connection::open(path("other.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t(x); PRAGMA user_version = 2")
        .unwrap();
    Connection::open(path("unversioned.db")).unwrap().execute_batch("CREATE TABLE message(x)").unwrap();
    std::fs::write(path("text"), "not a database, and long enough to be looked at by SQLite: ".repeat(40))
        .unwrap();
    std::fs::create_dir(path("directory")).unwrap();
    std::fs::write(path("linked.db"), "").unwrap();
    std::fs::hard_link(path("linked.db"), path("link.db")).unwrap();
    for (name, problem) in [
        ("other.db", "a database of another program"),
        ("unversioned.db", "a database of another program"),
        ("text", "not a database"),
        ("directory", "not a file"),
        ("link.db", "2 names"),
    ] {
        let before = std::fs::read(path(name)).ok();
        let refusal = refusal(&path(name));
        assert!(refusal.contains(problem), "{name}: {refusal}");
        assert!(std::fs::read(path(name)).ok() == before, "{name} was changed");
    }
}

/// By a symbolic link, processes find the same owners as by the name of the file.
#[tokio::test]
async fn a_link_leads_to_the_same_owners() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let first = Fixture::file(directory.path(), &clock);
    let elsewhere = directory.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(directory.path().join("outbox.db"), elsewhere.join("outbox.db")).unwrap();
    let second = Fixture::file(&elsewhere, &clock);
    let queued = first.enqueue(message(&["a@x.org"], "one")).await;
    let claim = first.claim(&queued).await;
    assert_eq!(second.outbox.recover().await.unwrap(), 0);
    assert!(first.outbox.release(claim).await.unwrap());
}

/// As the first version made it.
const BACK_TO_VERSION_1: &str = "DROP TABLE file; DROP TABLE approval; DROP TABLE pause; DROP TABLE retry;
    DROP INDEX message_due; DROP INDEX message_principal; DROP INDEX message_failed; DROP INDEX message_key_ended; DROP INDEX recipient_address; ALTER TABLE message DROP COLUMN send_at_ms; ALTER TABLE message DROP COLUMN all_or_nothing;
    ALTER TABLE message DROP COLUMN stop; ALTER TABLE message DROP COLUMN digest;
    CREATE INDEX message_due ON message(lane, due_ms) WHERE state = 'queued'; PRAGMA user_version = 1";

#[test]
fn an_older_file_gets_the_tables_of_a_new_one() {
    let (new, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop((Fixture::file(new.path(), &clock()), Fixture::file(old.path(), &clock())));
    database(old.path()).execute_batch(BACK_TO_VERSION_1).unwrap();
    drop(Fixture::file(old.path(), &clock()));
    let objects = |directory: &Path| -> Vec<String> {
        let sql = "SELECT s.type || ' ' || s.name || ' ' || ifnull(c.name || ' ' || c.type, '') FROM sqlite_schema s \
            LEFT JOIN pragma_table_info(s.name) c ORDER BY 1";
        let db = database(directory);
        let mut statement = db.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert!(objects(new.path()).len() > 50);
    assert_eq!(objects(old.path()), objects(new.path()));
}

/// Four at the same moment, where there is nothing yet, and where there is a file of the first version.
#[tokio::test]
async fn processes_that_start_together_agree_on_the_tables() {
    for is_old in [false, true] {
        let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
        if is_old {
            let fixture = Fixture::file(directory.path(), &clock);
            fixture.enqueue(message(&["a@x.org"], "one")).await;
            database(directory.path()).execute_batch(BACK_TO_VERSION_1).unwrap();
        }
        let together = Barrier::new(4);
        let started: Vec<_> = std::thread::scope(|scope| {
            let start = || {
                together.wait();
                Fixture::file(directory.path(), &clock)
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for (number, fixture) in started.iter().enumerate() {
            fixture.enqueue(message(&["a@x.org"], &format!("new {number}"))).await;
        }
        let stats = started[0].outbox.stats().await.unwrap();
        assert_eq!((stats.queued, stats.held), (4 + u64::from(is_old), 0));
    }
}

#[tokio::test]
async fn the_last_to_close_leaves_everything_in_one_file() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let log = directory.path().join("outbox.db-wal");
    let (first, second) = (Fixture::file(directory.path(), &clock), Fixture::file(directory.path(), &clock));
    let waiting = first.enqueue(message(&["a@x.org"], "waiting")).await;
    first.outbox.close().await;
    assert!(log.exists());
    assert!(first.outbox.stats().await.is_err_and(|error| matches!(error, OutboxError::Closed)));
    second.outbox.close().await;
    assert!(!log.exists());
    let third = Fixture::file(directory.path(), &clock);
    assert_eq!(third.state(waiting.id).await, State::Queued);
}
