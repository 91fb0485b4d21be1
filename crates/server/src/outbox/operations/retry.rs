//! Tries the recipients of a message again that did not get it, or may not have.

use rusqlite::{Connection, OptionalExtension, named_params, params};
use uuid::Uuid;

use super::claim::{LAST_TURN_MS, lanes};
use super::columns::milliseconds;
use super::enqueue::find;
use super::{add_event, columns, quota};
use crate::config::Account;
use crate::outbox::owner::OwnerId;
use crate::outbox::types::{EXPIRES_AFTER, Principal, Retried};
use crate::outcome::State;
use crate::policy::Quota;

/// Queues the unknown and the rejected recipients of a message again. That an earlier attempt may have delivered it is
/// remembered. If `me` has an account that can send it, it tries first.
pub(in crate::outbox) fn retry(
    db: &Connection,
    now: i64,
    me: OwnerId,
    accounts: &[Account],
    (id, principal): (Uuid, Option<Principal>),
    quota: Quota,
) -> rusqlite::Result<Retried> {
    let sql = "SELECT seq, lane, state, principal, EXISTS (SELECT 1 FROM content WHERE content.seq = message.seq) AS has_content \
        FROM message WHERE id = ?";
    let found = db
        .prepare_cached(sql)?
        .query_row([id.as_bytes()], |row| {
            Ok((
                (row.get::<_, i64>("seq")?, row.get::<_, i64>("lane")?),
                columns::state(row, "state")?,
                columns::principal(row, "principal")?,
                row.get::<_, bool>("has_content")?,
            ))
        })
        .optional()?;
    let Some(((seq, lane), state, whose, has_content)) = found else {
        return Ok(Retried::NotFound);
    };
    if principal.is_some_and(|principal| principal != whose) {
        return Ok(Retried::NotFound);
    }
    if !matches!(state, State::Unknown | State::Refused | State::Partial) {
        return Ok(Retried::NotNow(state));
    }
    if !has_content {
        return Ok(Retried::NoContent);
    }
    // A person withdrew it from the others.
    let sql = "SELECT 1 FROM recipient WHERE seq = ? AND status IN ('unknown', 'rejected')";
    if !db.prepare_cached(sql)?.exists([seq])? {
        return Ok(Retried::NotNow(state));
    }
    if let Some(over) = quota::over(db, now, quota)? {
        return Ok(Retried::OverQuota(over));
    }
    // A person approved one delivery.
    db.prepare_cached("DELETE FROM approval WHERE seq = ?")?.execute([seq])?;
    let sql = "UPDATE recipient SET status = 'open' WHERE seq = ? AND status IN ('unknown', 'rejected')";
    let recipients = db.prepare_cached(sql)?.execute([seq])?;
    let sql = "UPDATE message SET state = 'queued', ended_ms = NULL, due_ms = :now, expires_ms = :expires, attempts = 0 \
        WHERE seq = :seq";
    db.prepare_cached(sql)?.execute(named_params! {
        ":now": now, ":expires": now + milliseconds(EXPIRES_AFTER), ":seq": seq,
    })?;
    let is_served = lanes(db, accounts)?.contains(&lane);
    if is_served {
        let sql = "UPDATE message SET taken_by = ? WHERE seq = ?";
        db.prepare_cached(sql)?.execute(params![me.0.as_bytes(), seq])?;
    }
    add_event(db, seq, now, "retried", None)?;
    quota::add_retry(db, now)?;
    let queued = find(db, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(Retried::Queued { queued, recipients, is_served })
}

/// Makes every waiting message that one of these accounts can send due now.
pub(in crate::outbox) fn make_due(db: &Connection, now: i64, accounts: &[Account]) -> rusqlite::Result<()> {
    // Also for processes that leave the first turn to the one that took it.
    let due = now - LAST_TURN_MS;
    for account in accounts {
        let sql = "UPDATE message SET due_ms = ? WHERE state = 'queued' AND due_ms > ? \
            AND lane IN (SELECT lane FROM lane_account WHERE account = ?)";
        db.prepare_cached(sql)?.execute(params![due, due, account.0])?;
    }
    Ok(())
}
