//! Whether the outbox takes a further message.

use rusqlite::Connection;

use crate::config::OutboxLimits;
use crate::outbox::results::NoRoom;

/// How much a message takes besides its content: its rows, and the log in which it is written before.
const OVERHEAD: u64 = 16 << 10;

/// Why a message of `size` bytes is not taken. `free`: what is free on the disk, in bytes.
pub(super) fn lacking(
    db: &Connection,
    limits: OutboxLimits,
    size: u64,
    free: Option<u64>,
) -> rusqlite::Result<Option<NoRoom>> {
    // It is written to the log first, and then to the file.
    let needed = limits.min_free + if limits.min_free > 0 { 2 * size } else { 0 };
    if let Some(free) = free.filter(|free| *free < needed) {
        return Ok(Some(NoRoom::Disk(free)));
    }
    if used(db)? + size + OVERHEAD > limits.max_size {
        return Ok(Some(NoRoom::Size(limits.max_size)));
    }
    let sql =
        "SELECT count(*) FROM (SELECT 1 FROM message WHERE ended_ms IS NULL AND state = 'queued' LIMIT ?)";
    let waiting: u32 = db.prepare_cached(sql)?.query_row([limits.max_waiting], |row| row.get(0))?;
    Ok((waiting >= limits.max_waiting).then_some(NoRoom::Waiting(waiting)))
}

/// How much of the file is in use, in bytes.
fn used(db: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| -> rusqlite::Result<u64> {
        db.prepare_cached(&format!("PRAGMA {name}"))?.query_row([], |row| row.get(0))
    };
    Ok(pragma("page_count")?.saturating_sub(pragma("freelist_count")?) * pragma("page_size")?)
}
