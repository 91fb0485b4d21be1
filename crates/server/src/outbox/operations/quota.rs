//! How many messages were taken, and whether there may be one more.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, named_params};

use super::columns;
use super::columns::milliseconds;
use crate::outbox::types::{OverQuota, Usage};
use crate::policy::Quota;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The events that count, in the words of the index.
const TAKEN: &str = "kind IN ('queued', 'held for approval', 'retried')";

/// Whether as many messages were taken as may be.
pub(super) fn over(db: &Connection, now: i64, quota: Quota) -> rusqlite::Result<Option<OverQuota>> {
    let windows = [(quota.per_day, "day", DAY), (quota.per_hour, "hour", HOUR)];
    let mut over: Option<OverQuota> = None;
    for (limit, window, length) in windows {
        let Some(before) = limit.checked_sub(1) else { continue };
        // The oldest of those that must be gone from the window.
        let sql = format!(
            "SELECT at_ms FROM event WHERE {TAKEN} AND at_ms > :since ORDER BY at_ms DESC LIMIT 1 OFFSET :before"
        );
        let oldest: Option<i64> = db
            .prepare_cached(&sql)?
            .query_row(named_params! { ":since": now - milliseconds(length), ":before": before }, |row| {
                row.get(0)
            })
            .optional()?;
        let frees = oldest.map(|at| columns::time(at + milliseconds(length)));
        if let Some(frees) = frees
            && over.as_ref().is_none_or(|other| other.frees < frees)
        {
            over = Some(OverQuota { limit, window, frees });
        }
    }
    Ok(over)
}

/// How many messages were taken.
pub(in crate::outbox) fn usage(db: &Connection, now: i64) -> rusqlite::Result<Usage> {
    let since = |length| -> rusqlite::Result<u64> {
        let sql = format!("SELECT count(*) FROM event WHERE {TAKEN} AND at_ms > ?");
        db.prepare_cached(&sql)?.query_row([now - milliseconds(length)], |row| row.get(0))
    };
    Ok(Usage { hour: since(HOUR)?, day: since(DAY)? })
}
