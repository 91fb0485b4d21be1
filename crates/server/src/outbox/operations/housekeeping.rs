//! What is no longer needed is deleted; and whether the file is sound.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::columns;
use super::columns::milliseconds;
use crate::outbox::types::{CONTENT_KEPT, Integrity};

/// Messages that are handled in one transaction, at most.
const BATCH: usize = 200;

/// Deletes content, keys and records whose time is over; how many rows were changed. In small batches: call it until it is 0.
pub(in crate::outbox) fn purge(db: &Connection, now: i64, record_kept: Duration) -> rusqlite::Result<usize> {
    let content_before = now - milliseconds(CONTENT_KEPT);
    let record_before = now - milliseconds(record_kept);
    let sql = "DELETE FROM content WHERE seq IN (SELECT m.seq FROM message m CROSS JOIN content c ON c.seq = m.seq \
        WHERE m.ended_ms < ? ORDER BY m.ended_ms LIMIT ?)";
    let contents = db.prepare_cached(sql)?.execute(params![content_before, BATCH])?;
    let sql = "UPDATE message SET idempotency_key = NULL WHERE seq IN (SELECT seq FROM message \
        WHERE ended_ms < ? AND idempotency_key IS NOT NULL ORDER BY ended_ms LIMIT ?)";
    let keys = db.prepare_cached(sql)?.execute(params![content_before, BATCH])?;
    let old = {
        let mut statement =
            db.prepare_cached("SELECT seq FROM message WHERE ended_ms < ? ORDER BY ended_ms LIMIT ?")?;
        let old = statement.query_map(params![record_before, BATCH], |row| row.get(0))?;
        old.collect::<rusqlite::Result<Vec<i64>>>()?
    };
    for seq in &old {
        for table in ["approval", "event", "content", "recipient", "message"] {
            db.prepare_cached(&format!("DELETE FROM {table} WHERE seq = ?"))?.execute([seq])?;
        }
    }
    db.execute_batch("PRAGMA incremental_vacuum(256)")?;
    Ok(contents + keys + old.len())
}

/// Deletes the content of a message that has ended, and gives its memory back.
pub(in crate::outbox) fn forget_content(db: &Connection, seq: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM content WHERE seq = ?")?.execute([seq])?;
    db.execute_batch("PRAGMA incremental_vacuum")
}

/// Checks the file, and counts the messages by state.
pub(in crate::outbox) fn check(db: &Connection) -> rusqlite::Result<Integrity> {
    let mut statement = db.prepare("PRAGMA integrity_check")?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut problems: Vec<_> =
        found.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().filter(|line| line != "ok").collect();
    let mut statement = db.prepare("PRAGMA foreign_key_check")?;
    let orphans = statement.query_map([], |row| row.get::<_, String>(0))?;
    let orphans = orphans.collect::<rusqlite::Result<Vec<_>>>()?;
    problems.extend(orphans.into_iter().map(|table| format!("a row of {table} belongs to nothing")));
    let mut statement =
        db.prepare("SELECT state, count(*) AS number FROM message GROUP BY state ORDER BY state")?;
    let counts = statement.query_map([], |row| Ok((columns::state(row, "state")?, row.get("number")?)))?;
    let counts = counts.collect::<rusqlite::Result<_>>()?;
    Ok(Integrity { problems, counts })
}
