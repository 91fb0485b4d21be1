//! Messages that wait until a person approves them.

use rusqlite::{Connection, OptionalExtension, named_params, params};
use uuid::Uuid;

use super::columns::milliseconds;
use super::settle::settle;
use super::withdraw::withdraw;
use super::{add_event, columns};
use crate::message::Digest;
use crate::outbox::results::Decided;
use crate::outbox::types::{Approval, EXPIRES_AFTER, Hold, Queued};
use crate::outcome::State;

/// A held message that nobody has approved yet.
struct Pending {
    seq: i64,
    expires: i64,
    digest: Option<[u8; 32]>,
}

/// Remembers why a message is held.
pub(super) fn ask(db: &Connection, now: i64, seq: i64, hold: &Hold) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO approval(seq, reasons, expires_ms) VALUES (?, ?, ?)";
    db.prepare_cached(sql)?.execute(params![seq, hold.reasons.join("\n"), now + milliseconds(hold.ttl)])?;
    Ok(())
}

/// Holds a message that waits for an attempt. False: it does not.
pub(in crate::outbox) fn hold(
    db: &Connection,
    now: i64,
    queued: &Queued,
    hold: &Hold,
) -> rusqlite::Result<bool> {
    let sql =
        "UPDATE message SET state = 'held' WHERE seq = ? AND token = ? AND attempts = ? AND state = 'queued'";
    let held = db.prepare_cached(sql)?.execute(params![queued.seq, queued.token, queued.attempts])? > 0;
    if held {
        ask(db, now, queued.seq, hold)?;
        add_event(db, queued.seq, now, "held again for approval", None)?;
    }
    Ok(held)
}

/// Queues a held message, if it is the one with this digest and its time is not over.
pub(in crate::outbox) fn approve(
    db: &Connection,
    now: i64,
    id: Uuid,
    digest: Digest,
) -> rusqlite::Result<Decided> {
    let pending = match pending(db, id)? {
        Ok(pending) => pending,
        Err(not) => return Ok(not),
    };
    if pending.expires <= now {
        cancel(db, now, pending.seq, EXPIRED, "not approved in time")?;
        return Ok(Decided::Expired);
    }
    if pending.digest != Some(digest.0) {
        return Ok(Decided::Changed);
    }
    db.prepare_cached("UPDATE approval SET approved_ms = ? WHERE seq = ?")?
        .execute(params![now, pending.seq])?;
    let sql = "UPDATE message SET state = 'queued', due_ms = max(:now, ifnull(send_at_ms, 0)), \
        expires_ms = max(:now, ifnull(send_at_ms, 0)) + :time WHERE seq = :seq AND state = 'held'";
    db.prepare_cached(sql)?.execute(named_params! {
        ":now": now, ":time": milliseconds(EXPIRES_AFTER), ":seq": pending.seq,
    })?;
    add_event(db, pending.seq, now, "approved", None)?;
    Ok(Decided::Done)
}

/// Cancels a held message.
pub(in crate::outbox) fn reject(
    db: &Connection,
    now: i64,
    id: Uuid,
    because: Option<&str>,
) -> rusqlite::Result<Decided> {
    let pending = match pending(db, id)? {
        Ok(pending) => pending,
        Err(not) => return Ok(not),
    };
    let reason = match because {
        Some(because) => format!("a person rejected it: {because}"),
        None => "a person rejected it".to_owned(),
    };
    cancel(db, now, pending.seq, &reason, "rejected by a person")?;
    Ok(Decided::Done)
}

const EXPIRED: &str = "nobody approved it in time";

/// The messages that nobody approved in time.
const EXPIRED_NOW: &str = "SELECT seq FROM message JOIN approval USING (seq) WHERE state = 'held' AND ended_ms IS NULL \
    AND approved_ms IS NULL AND approval.expires_ms <= ?";

/// Cancels what nobody approved in time; how many messages that were.
pub(in crate::outbox) fn expire(db: &Connection, now: i64) -> rusqlite::Result<usize> {
    let mut statement = db.prepare_cached(EXPIRED_NOW)?;
    let expired = statement.query_map([now], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    for seq in &expired {
        cancel(db, now, *seq, EXPIRED, "not approved in time")?;
    }
    Ok(expired.len())
}

/// Whether [`expire`] has something to do.
pub(in crate::outbox) fn has_expired(db: &Connection, now: i64) -> rusqlite::Result<bool> {
    db.prepare_cached(EXPIRED_NOW)?.exists([now])
}

/// Why the message is held, if it waits for approval.
pub(super) fn of(db: &Connection, seq: i64) -> rusqlite::Result<Option<Approval>> {
    let sql = "SELECT reasons, expires_ms FROM approval WHERE seq = ? AND approved_ms IS NULL";
    db.prepare_cached(sql)?
        .query_row([seq], |row| {
            let reasons: String = row.get("reasons")?;
            let reasons = reasons.lines().map(str::to_owned).collect();
            Ok(Approval { reasons, expires: columns::time(row.get("expires_ms")?) })
        })
        .optional()
}

fn pending(db: &Connection, id: Uuid) -> rusqlite::Result<Result<Pending, Decided>> {
    let sql = "SELECT seq, state, digest, approval.expires_ms AS until, \
        approval.seq IS NOT NULL AND approved_ms IS NULL AS is_pending \
        FROM message LEFT JOIN approval USING (seq) WHERE id = ?";
    let found = db
        .prepare_cached(sql)?
        .query_row([id.as_bytes()], |row| {
            let (state, is_pending): (State, bool) = (columns::state(row, "state")?, row.get("is_pending")?);
            if state != State::Held || !is_pending {
                return Ok(Err(Decided::NotPending(state)));
            }
            Ok(Ok(Pending { seq: row.get("seq")?, expires: row.get("until")?, digest: row.get("digest")? }))
        })
        .optional()?;
    Ok(found.unwrap_or(Err(Decided::NotFound)))
}

/// Withdraws those who have not got it.
fn cancel(db: &Connection, now: i64, seq: i64, reason: &str, event: &str) -> rusqlite::Result<()> {
    withdraw(db, now, seq, reason)?;
    settle(db, now, seq, now)?;
    add_event(db, seq, now, event, None)
}
