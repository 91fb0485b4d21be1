//! Withdraws a message from those who have not got it.

use rusqlite::{Connection, OptionalExtension, named_params, params};
use uuid::Uuid;

use super::settle::settle;
use super::{add_event, columns};
use crate::outbox::types::{Cancelled, Principal};
use crate::outcome::State;

/// Why a recipient does not get the message.
const CANCELLED: &str = "cancelled before it was sent";

/// Withdraws a message that waits. One that is being sent gets no further attempt.
pub(in crate::outbox) fn cancel(
    db: &Connection,
    now: i64,
    id: Uuid,
    principal: Option<Principal>,
) -> rusqlite::Result<Cancelled> {
    let sql = "SELECT seq, state, principal FROM message WHERE id = ?";
    let found = db
        .prepare_cached(sql)?
        .query_row([id.as_bytes()], |row| {
            Ok((row.get("seq")?, columns::state(row, "state")?, columns::principal(row, "principal")?))
        })
        .optional()?;
    let Some((seq, state, whose)) = found else {
        return Ok(Cancelled::NotFound);
    };
    if principal.is_some_and(|principal| principal != whose) {
        return Ok(Cancelled::NotFound);
    }
    match state {
        State::Held | State::Queued => {
            withdraw(db, now, seq, CANCELLED)?;
            // What is left of the message is settled as after an attempt that is due now.
            settle(db, now, seq, now)?;
            add_event(db, seq, now, "cancelled", None)?;
            Ok(Cancelled::Withdrawn)
        }
        State::Sending => {
            let sql = "UPDATE message SET stop = 1 WHERE seq = ? AND stop = 0";
            if db.prepare_cached(sql)?.execute([seq])? > 0 {
                add_event(db, seq, now, "no further attempt", Some("cancelled while it is being sent"))?;
            }
            Ok(Cancelled::Stopping)
        }
        _ => Ok(Cancelled::TooLate(state)),
    }
}

/// Withdraws the open recipients. Those who may have got it in an earlier attempt are unknown.
pub(super) fn withdraw(db: &Connection, now: i64, seq: i64, reason: &str) -> rusqlite::Result<()> {
    let sql = "UPDATE recipient SET status = CASE WHEN doubt THEN 'unknown' ELSE 'withdrawn' END, reason = :reason, \
        updated_ms = :now, phase = NULL, code = NULL, enhanced_code = NULL, reply = NULL WHERE seq = :seq AND status = 'open'";
    db.prepare_cached(sql)?.execute(named_params! { ":reason": reason, ":now": now, ":seq": seq })?;
    Ok(())
}

/// Withdraws the open recipients of a message that was cancelled while it was being sent. False: it was not.
pub(super) fn withdraw_stopped(db: &Connection, now: i64, seq: i64) -> rusqlite::Result<bool> {
    let is_stopped =
        db.prepare_cached("SELECT 1 FROM message WHERE seq = ? AND stop")?.exists(params![seq])?;
    if is_stopped {
        withdraw(db, now, seq, CANCELLED)?;
        add_event(db, seq, now, "cancelled", None)?;
    }
    Ok(is_stopped)
}
