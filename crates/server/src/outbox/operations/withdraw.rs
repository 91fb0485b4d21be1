//! Withdrawing the recipients that a message has not been sent to.

use rusqlite::{Connection, named_params};

use super::add_event;

/// Why a recipient does not get the message.
pub(super) const CANCELLED: &str = "cancelled before it was sent";

/// Withdraws the open recipients. Those who may have got it in an earlier attempt are unknown.
pub(super) fn withdraw(db: &Connection, now: i64, seq: i64, reason: &str) -> rusqlite::Result<()> {
    let sql = "UPDATE recipient SET status = CASE WHEN doubt THEN 'unknown' ELSE 'withdrawn' END, reason = :reason, \
        updated_ms = :now, phase = NULL, code = NULL, enhanced_code = NULL, reply = NULL WHERE seq = :seq AND status = 'open'";
    db.prepare_cached(sql)?.execute(named_params! { ":reason": reason, ":now": now, ":seq": seq })?;
    Ok(())
}

/// Withdraws the open recipients of a message that was cancelled while it was being sent. False: it was not.
pub(super) fn withdraw_stopped(db: &Connection, now: i64, seq: i64) -> rusqlite::Result<bool> {
    let is_stopped = db.prepare_cached("SELECT 1 FROM message WHERE seq = ? AND stop")?.exists([seq])?;
    if is_stopped {
        withdraw(db, now, seq, CANCELLED)?;
        add_event(db, seq, now, "cancelled", None)?;
    }
    Ok(is_stopped)
}
