//! The operations on the database, as functions of a connection and the time. Each runs within a transaction of its caller.
//!
//! Every UPDATE of a message names its id, its token and the state it expects. If it touches no row, another process owns the
//! message now, and the operation does nothing.

pub(super) mod adopt;
pub(super) mod approval;
pub(super) mod cancel;
pub(super) mod claim;
pub(super) mod columns;
pub(super) mod enqueue;
pub(super) mod housekeeping;
pub(super) mod pause;
pub(super) mod quota;
pub(super) mod read;
pub(super) mod recover;
pub(super) mod retry;
pub(super) mod room;
pub(super) mod settle;
mod withdraw;

use rusqlite::{Connection, named_params};

/// A state follows from the recipients of the message. The same function in Rust is [`crate::outcome::State::of`].
pub(super) const STATE: &str = "(SELECT CASE WHEN sum(status = 'open') > 0 THEN 'queued' WHEN sum(status = 'unknown') > 0 THEN 'unknown' \
    WHEN sum(status = 'accepted') = count(*) THEN 'sent' WHEN sum(status = 'accepted') > 0 THEN 'partial' \
    WHEN sum(status = 'withdrawn') > 0 THEN 'cancelled' ELSE 'refused' END \
    FROM recipient WHERE recipient.seq = message.seq)";

/// When the message ended: now, if no recipient is open or unknown.
pub(super) const ENDED: &str = "CASE WHEN (SELECT count(*) FROM recipient WHERE recipient.seq = message.seq \
    AND status IN ('open', 'unknown')) = 0 THEN :now END";

/// Adds a step to the message's history.
pub(super) fn add_event(
    db: &Connection,
    seq: i64,
    now: i64,
    kind: &str,
    detail: Option<&str>,
) -> rusqlite::Result<()> {
    // VALUES and not SELECT: what reads the table that it writes to goes through a temporary one.
    let sql = "INSERT INTO event VALUES (:seq, ifnull((SELECT max(n) FROM event WHERE seq = :seq), 0) + 1, :now, :kind, :detail)";
    db.prepare_cached(sql)?
        .execute(named_params! { ":seq": seq, ":now": now, ":kind": kind, ":detail": detail })?;
    Ok(())
}
