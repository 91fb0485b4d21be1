//! Whether the outbox takes a further message.

use rusqlite::Connection;

use crate::config::OutboxLimits;
use crate::outbox::results::NoRoom;
use crate::outbox::waiting_count::WaitingCount;

/// How much a message takes besides its content: its rows, and the log in which it is written before.
const OVERHEAD: u64 = 16 << 10;

/// What is known of the place that the outbox is in.
#[derive(Debug, Clone, Copy)]
pub(in crate::outbox) struct Place<'a> {
    /// What is free on the disk, in bytes.
    pub(in crate::outbox) free: Option<u64>,
    /// How many messages wait.
    pub(in crate::outbox) waiting: &'a WaitingCount,
}

/// Why a message of `size` bytes is not taken.
pub(super) fn lacking(
    db: &Connection,
    now: i64,
    limits: OutboxLimits,
    size: u64,
    place: Place<'_>,
) -> rusqlite::Result<Option<NoRoom>> {
    // It is written to the log first, and then to the file.
    let needed = limits.min_free + if limits.min_free > 0 { 2 * size } else { 0 };
    if let Some(free) = place.free.filter(|free| *free < needed) {
        return Ok(Some(NoRoom::Disk(free)));
    }
    if used(db)? + size + OVERHEAD > limits.max_size {
        return Ok(Some(NoRoom::Size(limits.max_size)));
    }
    let is_full = place.waiting.reaches(limits.max_waiting, now, || waiting(db, limits.max_waiting))?;
    Ok(is_full.then_some(NoRoom::Waiting(limits.max_waiting)))
}

/// How many messages wait, at most `limit`.
fn waiting(db: &Connection, limit: u32) -> rusqlite::Result<u32> {
    let sql =
        "SELECT count(*) FROM (SELECT 1 FROM message WHERE ended_ms IS NULL AND state = 'queued' LIMIT ?)";
    db.prepare_cached(sql)?.query_row([limit], |row| row.get(0))
}

/// How much of the file is in use, in bytes.
fn used(db: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| -> rusqlite::Result<u64> {
        db.prepare_cached(&format!("PRAGMA {name}"))?.query_row([], |row| row.get(0))
    };
    Ok(pragma("page_count")?.saturating_sub(pragma("freelist_count")?) * pragma("page_size")?)
}
