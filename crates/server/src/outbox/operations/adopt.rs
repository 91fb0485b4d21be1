//! A file that was copied or restored: what waits in it may have been sent already, and waits for a person's word.

use rusqlite::{Connection, OptionalExtension, params};

use super::add_event;
use super::recover::give_up_all;
use crate::outbox::file::StoredIdentity;

/// Whether the file that the database is in is the one that it was in before.
pub(in crate::outbox) fn is_known(db: &Connection, file: StoredIdentity) -> rusqlite::Result<bool> {
    Ok(known(db)?.is_some_and(|known| known.is_same(file)))
}

/// Remembers the file that the database is in. If it was in another one before, what waits is held, and what was being sent is
/// unknown.
pub(in crate::outbox) fn recognize(db: &Connection, now: i64, file: StoredIdentity) -> rusqlite::Result<()> {
    match known(db)? {
        Some(known) if known.is_same(file) => return Ok(()),
        Some(_) => {
            give_up_all(db, now, "the outbox was copied while it was being sent")?;
            change_all(db, now, ("queued", "held"), "true", "held")?;
        }
        None => {}
    }
    db.execute("DELETE FROM file", [])?;
    db.execute("INSERT INTO file(inode, born_ns) VALUES (?, ?)", params![file.inode, file.born])?;
    Ok(())
}

fn known(db: &Connection) -> rusqlite::Result<Option<StoredIdentity>> {
    db.prepare("SELECT inode, born_ns FROM file")?
        .query_row([], |row| Ok(StoredIdentity { inode: row.get(0)?, born: row.get(1)? }))
        .optional()
}

/// Queues what is held, and tells how many messages that were. What waits for approval goes on waiting.
pub(in crate::outbox) fn adopt(db: &Connection, now: i64) -> rusqlite::Result<usize> {
    let unapproved = "seq IN (SELECT seq FROM approval WHERE approved_ms IS NULL)";
    db.execute(&format!("UPDATE message SET due_ms = max(?, ifnull(send_at_ms, 0)) WHERE state = 'held' AND NOT {unapproved}"), [now])?;
    change_all(db, now, ("held", "queued"), &format!("NOT {unapproved}"), "adopted")
}

fn change_all(
    db: &Connection,
    now: i64,
    (from, to): (&str, &str),
    which: &str,
    event: &str,
) -> rusqlite::Result<usize> {
    let sql = format!("UPDATE message SET state = ? WHERE state = ? AND {which} RETURNING seq");
    let mut statement = db.prepare(&sql)?;
    let changed =
        statement.query_map([to, from], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    for seq in &changed {
        add_event(db, *seq, now, event, None)?;
    }
    Ok(changed.len())
}
