//! What is no longer needed is deleted; and whether the file is sound.

use rusqlite::{Connection, ErrorCode, params};

use super::columns;
use super::columns::milliseconds;
use crate::config::Retention;
use crate::outbox::results::Integrity;
use crate::outbox::types::KEY_KEPT;
use crate::outcome::State;

/// Messages that are handled in one transaction, at most.
const BATCH: usize = 200;

/// What a purge deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Purged {
    /// Contents of messages.
    pub contents: usize,
    /// Records of messages.
    pub records: usize,
    #[serde(skip)]
    keys: usize,
}

impl Purged {
    pub(in crate::outbox) fn is_empty(self) -> bool {
        self == Self::default()
    }

    pub(in crate::outbox) fn add(&mut self, other: Self) {
        self.contents += other.contents;
        self.records += other.records;
        self.keys += other.keys;
    }
}

/// Deletes content, keys and records whose time is over. In small batches: call it until it deletes nothing.
pub(in crate::outbox) fn purge(db: &Connection, now: i64, retention: Retention) -> rusqlite::Result<Purged> {
    let before = |kept| now.saturating_sub(milliseconds(kept));
    // From what is kept, not from all that has ended: that may be a hundred times as much.
    let sql = "DELETE FROM content WHERE seq IN (SELECT c.seq FROM content c CROSS JOIN message m ON m.seq = c.seq \
        WHERE m.ended_ms <= ? LIMIT ?)";
    let contents = db.prepare_cached(sql)?.execute(params![before(retention.content), BATCH])?;
    let sql = "UPDATE message SET idempotency_key = NULL WHERE seq IN (SELECT seq FROM message INDEXED BY message_key_ended \
        WHERE ended_ms < ? AND ended_ms IS NOT NULL AND idempotency_key IS NOT NULL LIMIT ?)";
    let keys = db.prepare_cached(sql)?.execute(params![before(KEY_KEPT), BATCH])?;
    let old = {
        let mut statement =
            db.prepare_cached("SELECT seq FROM message WHERE ended_ms < ? ORDER BY ended_ms LIMIT ?")?;
        let old = statement.query_map(params![before(retention.record), BATCH], |row| row.get(0))?;
        old.collect::<rusqlite::Result<Vec<i64>>>()?
    };
    for seq in &old {
        for table in ["approval", "event", "content", "recipient", "message"] {
            db.prepare_cached(&format!("DELETE FROM {table} WHERE seq = ?"))?.execute([seq])?;
        }
    }
    db.execute_batch("PRAGMA incremental_vacuum(256)")?;
    Ok(Purged { contents, records: old.len(), keys })
}

/// Deletes the content of a message that has ended, and gives its memory back.
pub(in crate::outbox) fn forget_content(db: &Connection, seq: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM content WHERE seq = ?")?.execute([seq])?;
    db.execute_batch("PRAGMA incremental_vacuum")
}

/// Checks the file, and counts the messages by state.
pub(in crate::outbox) fn check(db: &Connection) -> rusqlite::Result<Integrity> {
    let mut problems = match integrity(db) {
        // It is so damaged that it cannot be checked to its end.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            vec![error.to_string()]
        }
        found => found?,
    };
    // What is damaged may not even be counted.
    match orphans(db) {
        Ok(orphans) => {
            problems.extend(orphans.into_iter().map(|table| format!("a row of {table} belongs to nothing")));
        }
        Err(error) if problems.is_empty() => return Err(error),
        Err(_) => {}
    }
    match counts(db) {
        Err(error) if problems.is_empty() => Err(error),
        counts => Ok(Integrity { problems, counts: counts.unwrap_or_default() }),
    }
}

fn integrity(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("PRAGMA integrity_check")?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?;
    let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

fn orphans(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("PRAGMA foreign_key_check")?;
    let orphans = statement.query_map([], |row| row.get(0))?;
    orphans.collect()
}

fn counts(db: &Connection) -> rusqlite::Result<Vec<(State, u64)>> {
    let mut statement =
        db.prepare("SELECT state, count(*) AS number FROM message GROUP BY state ORDER BY state")?;
    let counts = statement.query_map([], |row| Ok((columns::state(row, "state")?, row.get("number")?)))?;
    counts.collect()
}
