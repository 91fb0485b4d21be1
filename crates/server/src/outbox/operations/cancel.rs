//! Withdraws a message from those who have not got it.

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::settle::settle;
use super::withdraw::{CANCELLED, withdraw};
use super::{add_event, columns};
use crate::outbox::results::Cancelled;
use crate::outbox::types::Principal;
use crate::outcome::State;

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
