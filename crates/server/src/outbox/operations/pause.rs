//! The switch that stops all sending.

use rusqlite::{Connection, OptionalExtension};

/// Since when nothing is sent. `None`: it is.
pub(in crate::outbox) fn since(db: &Connection) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT since_ms FROM pause")?.query_row([], |row| row.get(0)).optional()
}

/// Stops sending; since when it is stopped.
pub(in crate::outbox) fn pause(db: &Connection, now: i64) -> rusqlite::Result<i64> {
    if let Some(since) = since(db)? {
        return Ok(since);
    }
    db.execute("INSERT INTO pause(since_ms) VALUES (?)", [now])?;
    Ok(now)
}

/// Goes on sending. False: it was not stopped.
pub(in crate::outbox) fn resume(db: &Connection) -> rusqlite::Result<bool> {
    db.execute("DELETE FROM pause", []).map(|rows| rows > 0)
}
