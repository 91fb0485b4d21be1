//! Which messages are due, and the claim without which none is sent.

use rusqlite::{Connection, OptionalExtension, named_params, params};

use super::enqueue::milliseconds;
use super::{add_event, columns};
use crate::config::Account;
use crate::message::Message;
use crate::outbox::owner::OwnerId;
use crate::outbox::types::{Loaded, MAX_BACKOFF, Queued};
use crate::outcome::{RecipientOutcome, RecipientStatus};
use crate::stored::StoredError;

/// How long a message is left to the process that enqueued it.
pub(super) const FIRST_TURN_MS: i64 = 2000;

/// The messages that are due and that one of `accounts` can send, the longest due first.
pub(in crate::outbox) fn due(
    db: &Connection,
    now: i64,
    me: OwnerId,
    accounts: &[Account],
    limit: usize,
) -> rusqlite::Result<Vec<Queued>> {
    let mut due = Vec::new();
    for lane in lanes(db, accounts)? {
        // Due later than any attempt can be: the clock was wrong when it was scheduled.
        let sql = "SELECT seq, id, token, attempts, due_ms FROM message WHERE lane = :lane AND state = 'queued' \
            AND (due_ms <= :now AND (taken_by = :me OR due_ms <= :now - :first_turn) OR due_ms > :latest) \
            ORDER BY due_ms LIMIT :limit";
        let mut statement = db.prepare_cached(sql)?;
        let rows = statement.query_map(
            named_params! {
                ":lane": lane,
                ":now": now,
                ":me": me.0.as_bytes(),
                ":first_turn": FIRST_TURN_MS,
                ":latest": now + milliseconds(MAX_BACKOFF),
                ":limit": limit,
            },
            |row| Ok((row.get::<_, i64>("due_ms")?, queued(row)?)),
        )?;
        due.extend(rows.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    due.sort_by_key(|(due_ms, queued)| (*due_ms, queued.seq));
    Ok(due.into_iter().map(|(_, queued)| queued).take(limit).collect())
}

/// How many messages wait or are being sent that one of `accounts` can send.
pub(in crate::outbox) fn waiting(db: &Connection, accounts: &[Account]) -> rusqlite::Result<usize> {
    let mut waiting = 0;
    for lane in lanes(db, accounts)? {
        let sql = "SELECT count(*) FROM message WHERE lane = ? AND state IN ('queued', 'sending') AND ended_ms IS NULL";
        waiting += db.prepare_cached(sql)?.query_row([lane], |row| row.get::<_, usize>(0))?;
    }
    Ok(waiting)
}

fn queued(row: &rusqlite::Row<'_>) -> rusqlite::Result<Queued> {
    Ok(Queued {
        seq: row.get("seq")?,
        id: columns::id(row, "id")?,
        token: row.get("token")?,
        attempts: row.get("attempts")?,
    })
}

/// The lanes that have one of these accounts.
fn lanes(db: &Connection, accounts: &[Account]) -> rusqlite::Result<Vec<i64>> {
    let mut lanes = Vec::new();
    for account in accounts {
        let mut statement = db.prepare_cached("SELECT lane FROM lane_account WHERE account = ?")?;
        let found = statement.query_map([account.0], |row| row.get::<_, i64>(0))?;
        lanes.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    lanes.sort_unstable();
    lanes.dedup();
    Ok(lanes)
}

/// Marks the message as being sent by `me`. Returns the token of the claim, or `None` if it is not waiting any more.
pub(in crate::outbox) fn claim(
    db: &Connection,
    now: i64,
    me: OwnerId,
    queued: &Queued,
) -> rusqlite::Result<Option<i64>> {
    // After a commit whose result was lost the claim may be there already; nobody else has this owner and this token.
    let own = db
        .prepare_cached(
            "SELECT token FROM message WHERE seq = ? AND token = ? AND owner = ? AND state = 'sending'",
        )?
        .query_row(params![queued.seq, queued.token + 1, me.0.as_bytes()], |row| row.get(0))
        .optional()?;
    if own.is_some() {
        return Ok(own);
    }
    let sql = "UPDATE message SET state = 'sending', owner = :me, token = token + 1, attempts = attempts + 1 \
        WHERE seq = :seq AND token = :token AND attempts = :attempts AND state = 'queued' RETURNING token";
    let token = db
        .prepare_cached(sql)?
        .query_row(
            named_params! { ":me": me.0.as_bytes(), ":seq": queued.seq, ":token": queued.token, ":attempts": queued.attempts },
            |row| row.get(0),
        )
        .optional()?;
    if token.is_some() {
        add_event(db, queued.seq, now, "claimed", None)?;
    }
    Ok(token)
}

/// The message as it was composed, and its open recipients. `None`: its content is no longer there.
pub(in crate::outbox) fn load(
    db: &Connection,
    seq: i64,
) -> rusqlite::Result<Option<Result<Loaded, StoredError>>> {
    let content = db
        .prepare_cached("SELECT envelope, bytes FROM content WHERE seq = ?")?
        .query_row([seq], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .optional()?;
    let Some((envelope, bytes)) = content else {
        return Ok(None);
    };
    let mut statement =
        db.prepare_cached("SELECT * FROM recipient WHERE seq = ? AND status = 'open' ORDER BY n")?;
    let open = statement.query_map([seq], columns::recipient)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let untried = |one: RecipientOutcome| RecipientOutcome {
        status: RecipientStatus::TryNext,
        ..RecipientOutcome::open(one.address)
    };
    let open = open.into_iter().map(untried).collect();
    Ok(Some(Message::from_stored(&envelope, bytes.into()).map(|message| Loaded { message, open })))
}
