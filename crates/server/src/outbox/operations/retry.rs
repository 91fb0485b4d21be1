//! Tries the recipients of a message again that did not get it, or may not have.

use rusqlite::{Connection, OptionalExtension, named_params, params};

use super::claim::{LAST_TURN_MS, lanes};
use super::columns::milliseconds;
use super::enqueue::{self, find};
use super::{add_event, columns, quota};
use crate::address::Address;
use crate::config::Account;
use crate::outbox::owner::OwnerId;
use crate::outbox::results::Retried;
use crate::outbox::types::{EXPIRES_AFTER, Principal, Retry};
use crate::outcome::State;

/// Who takes part in a retry.
pub(in crate::outbox) struct Processes {
    /// This process.
    pub(in crate::outbox) me: OwnerId,
    /// The accounts that it can send with.
    pub(in crate::outbox) own: Vec<Account>,
    /// The accounts that some process can send with.
    pub(in crate::outbox) served: Vec<Account>,
}

/// A message that may be tried again.
struct Found {
    seq: i64,
    lane: i64,
    state: State,
    has_content: bool,
}

/// Queues the unknown and the rejected recipients of a message again, or those of them that are asked for. That an earlier attempt may
/// have delivered it is remembered. A message whose servers are gone is routed anew; also one that is waiting for them. If this
/// process has an account that can send it, it tries first.
pub(in crate::outbox) fn retry(
    db: &Connection,
    now: i64,
    processes: &Processes,
    retry: &Retry,
) -> rusqlite::Result<Retried> {
    let Some(found) = find_record(db, retry)? else {
        return Ok(Retried::NotFound);
    };
    let Found { seq, state, .. } = found;
    let new_lane = new_lane(db, processes, retry, found.lane)?;
    let is_stranded = state == State::Queued && new_lane.is_some();
    if !is_stranded && !matches!(state, State::Unknown | State::Refused | State::Partial) {
        return Ok(Retried::NotNow(state));
    }
    if !found.has_content {
        return Ok(Retried::NoContent);
    }
    let recipients = match wanted(db, &retry.only, seq, is_stranded)? {
        Ok(recipients) => recipients,
        Err(not_among) => return Ok(Retried::NotAmong(not_among)),
    };
    // A person withdrew it from the others.
    if recipients.is_empty() {
        return Ok(Retried::NotNow(state));
    }
    if let Some(over) = quota::over(db, now, retry.quota)? {
        return Ok(Retried::OverQuota(over));
    }
    // A person approved one delivery.
    db.prepare_cached("DELETE FROM approval WHERE seq = ?")?.execute([seq])?;
    let mut reopen = db.prepare_cached("UPDATE recipient SET status = 'open' WHERE seq = ? AND n = ?")?;
    for n in &recipients {
        reopen.execute(params![seq, n])?;
    }
    let lane = new_lane.unwrap_or(found.lane);
    let sql = "UPDATE message SET state = 'queued', ended_ms = NULL, due_ms = :now, send_at_ms = NULL, expires_ms = :expires, \
        attempts = 0, stop = 0, lane = :lane WHERE seq = :seq";
    db.prepare_cached(sql)?.execute(named_params! {
        ":now": now, ":expires": now + milliseconds(EXPIRES_AFTER), ":lane": lane, ":seq": seq,
    })?;
    let is_served = lanes(db, &processes.own)?.contains(&lane);
    if is_served {
        let sql = "UPDATE message SET taken_by = ? WHERE seq = ?";
        db.prepare_cached(sql)?.execute(params![processes.me.0.as_bytes(), seq])?;
    }
    let event = if new_lane.is_some() { "retried through other servers" } else { "retried" };
    add_event(db, seq, now, event, None)?;
    quota::add_retry(db, now)?;
    let queued = find(db, retry.id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(Retried::Queued { queued, recipients: recipients.len(), is_served })
}

fn find_record(db: &Connection, retry: &Retry) -> rusqlite::Result<Option<Found>> {
    let sql = "SELECT seq, lane, state, EXISTS (SELECT 1 FROM content WHERE content.seq = message.seq) AS has_content \
        FROM message WHERE id = :id AND (:principal IS NULL OR principal = :principal)";
    db.prepare_cached(sql)?
        .query_row(
            named_params! { ":id": retry.id.as_bytes(), ":principal": retry.principal.map(Principal::word) },
            |row| {
                Ok(Found {
                    seq: row.get("seq")?,
                    lane: row.get("lane")?,
                    state: columns::state(row, "state")?,
                    has_content: row.get("has_content")?,
                })
            },
        )
        .optional()
}

/// The lane of the servers that can send it now, if no process can send it in its own.
fn new_lane(
    db: &Connection,
    processes: &Processes,
    retry: &Retry,
    lane: i64,
) -> rusqlite::Result<Option<i64>> {
    if retry.accounts.is_empty() || lanes(db, &processes.served)?.contains(&lane) {
        return Ok(None);
    }
    let new = enqueue::lane(db, &retry.accounts)?;
    Ok(Some(new).filter(|new| *new != lane))
}

/// Which recipients are tried again: those who did not get it, or those of them that are asked for.
///
/// # Errors
/// Those who are asked for, but are not among them.
fn wanted(
    db: &Connection,
    only: &[Address],
    seq: i64,
    is_stranded: bool,
) -> rusqlite::Result<Result<Vec<i64>, Vec<Address>>> {
    let sql = "SELECT n, address FROM recipient WHERE seq = ? AND (status IN ('unknown', 'rejected') AND NOT ?2 OR status = 'open')";
    let mut statement = db.prepare_cached(sql)?;
    let may = statement.query_map(params![seq, is_stranded], |row| {
        Ok((row.get::<_, i64>("n")?, row.get::<_, String>("address")?))
    })?;
    let may = may.collect::<rusqlite::Result<Vec<_>>>()?;
    if only.is_empty() {
        return Ok(Ok(may.into_iter().map(|(n, _)| n).collect()));
    }
    let of = |wanted: &Address| {
        let wanted = wanted.to_string();
        may.iter().find(|(_, address)| address.eq_ignore_ascii_case(&wanted)).map(|(n, _)| *n)
    };
    let missing: Vec<_> = only.iter().filter(|one| of(one).is_none()).cloned().collect();
    if !missing.is_empty() {
        return Ok(Err(missing));
    }
    let mut found: Vec<_> = only.iter().filter_map(of).collect();
    found.sort_unstable();
    found.dedup();
    Ok(Ok(found))
}

/// Makes every waiting message that one of these accounts can send due now, except those that are to be sent later.
pub(in crate::outbox) fn make_due(db: &Connection, now: i64, accounts: &[Account]) -> rusqlite::Result<()> {
    // Also for processes that leave the first turn to the one that took it.
    let due = now - LAST_TURN_MS;
    for account in accounts {
        let sql = "UPDATE message SET due_ms = :due WHERE state = 'queued' AND due_ms > :due AND (attempts > 0 OR due_ms <= :now) \
            AND lane IN (SELECT lane FROM lane_account WHERE account = :account)";
        db.prepare_cached(sql)?.execute(named_params! { ":due": due, ":now": now, ":account": account.0 })?;
    }
    Ok(())
}
