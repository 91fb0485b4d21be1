//! How many messages were taken, and whether there may be one more.
//!
//! Messages are numbered without gaps in the order in which they were taken, so the n-th newest is found by its number, without an
//! index that each of them would have to pay for. Numbers are missing only where records were purged, which are older than any window.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, milliseconds};
use crate::outbox::results::{OverQuota, Usage};
use crate::policy::Quota;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Whether as many messages were taken as may be.
pub(super) fn over(db: &Connection, now: i64, quota: Quota) -> rusqlite::Result<Option<OverQuota>> {
    let windows = [(quota.per_day, "day", DAY), (quota.per_hour, "hour", HOUR)];
    let mut over: Option<OverQuota> = None;
    for (limit, window, length) in windows.into_iter().filter(|(limit, ..)| *limit > 0) {
        let Some(oldest) = oldest_too_many(db, now - milliseconds(length), limit)? else { continue };
        let frees = columns::time(oldest + milliseconds(length));
        if over.as_ref().is_none_or(|other| other.frees < frees) {
            over = Some(OverQuota { limit, window, frees });
        }
    }
    Ok(over)
}

/// When that message, or that retry, was taken that must be older than `since` for another one.
fn oldest_too_many(db: &Connection, since: i64, limit: u32) -> rusqlite::Result<Option<i64>> {
    let retries = retries(db, since)?;
    let at = match u64::from(limit).checked_sub(retries + 1) {
        Some(newer) => db
            .prepare_cached("SELECT created_ms FROM message WHERE seq = (SELECT max(seq) FROM message) - ?")?
            .query_row([newer], |row| row.get::<_, i64>(0))
            .optional()?,
        None => db.prepare_cached("SELECT max(at_ms) FROM retry")?.query_row([], |row| row.get(0))?,
    };
    Ok(at.filter(|at| *at > since))
}

fn retries(db: &Connection, since: i64) -> rusqlite::Result<u64> {
    db.prepare_cached("SELECT count(*) FROM retry WHERE at_ms > ?")?.query_row([since], |row| row.get(0))
}

/// Counts a retry as a message.
pub(super) fn add_retry(db: &Connection, now: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM retry WHERE at_ms < ?")?.execute([now - milliseconds(DAY)])?;
    db.prepare_cached("INSERT INTO retry(at_ms) VALUES (?)")?.execute(params![now]).map(drop)
}

/// How many messages were taken.
pub(in crate::outbox) fn usage(db: &Connection, now: i64) -> rusqlite::Result<Usage> {
    let (hour, day) = (now - milliseconds(HOUR), now - milliseconds(DAY));
    let mut usage = Usage { hour: retries(db, hour)?, day: retries(db, day)? };
    let mut statement = db.prepare_cached("SELECT created_ms FROM message ORDER BY seq DESC")?;
    for created in statement.query_map([], |row| row.get::<_, i64>(0))? {
        let created = created?;
        if created <= day {
            break;
        }
        usage.day += 1;
        usage.hour += u64::from(created > hour);
    }
    Ok(usage)
}
