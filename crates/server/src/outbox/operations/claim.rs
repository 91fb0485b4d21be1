//! Which messages are due, and the claim without which none is sent.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rusqlite::{Connection, OptionalExtension, named_params, params};
use uuid::Uuid;

use super::columns::milliseconds;
use super::settle::{ClaimKey, is_in_effect};
use super::{add_event, columns, pause};
use crate::config::Account;
use crate::message::{Digest, Message};
use crate::outbox::owner::OwnerId;
use crate::outbox::types::{Loaded, MAX_BACKOFF, Queued};
use crate::outcome::{RecipientOutcome, RecipientStatus};
use crate::stored::StoredError;

/// How long a message is left to the process that enqueued it.
const FIRST_TURN_MS: i64 = 2000;

/// From then on any process may send it: the turns of those that did not enqueue it are spread.
pub(super) const LAST_TURN_MS: i64 = 3000;

/// The messages that are due and that one of `accounts` can send: in turn one of each lane and principal, the longest due first.
pub(in crate::outbox) fn due(
    db: &Connection,
    now: i64,
    me: OwnerId,
    accounts: &[Account],
    limit: usize,
) -> rusqlite::Result<Vec<Queued>> {
    if pause::since(db)?.is_some() {
        return Ok(Vec::new());
    }
    // Due later than any attempt can be: the clock was wrong when it was scheduled, unless the caller asked for that time.
    let sql = format!(
        "SELECT {}, taken_by = :me AS is_own FROM message LEFT JOIN approval USING (seq) WHERE lane = :lane AND principal = :principal \
         AND state = 'queued' AND (due_ms <= :now AND (taken_by = :me OR due_ms <= :now - :first_turn) \
         OR due_ms > :latest AND send_at_ms IS NULL) ORDER BY due_ms, seq LIMIT :limit",
        columns::QUEUED
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut due = Vec::new();
    for (lane, principal) in turns(db, accounts)? {
        let rows = statement.query_map(
            named_params! {
                ":lane": lane,
                ":principal": principal,
                ":now": now,
                ":me": me.0.as_bytes(),
                ":first_turn": FIRST_TURN_MS,
                ":latest": now + milliseconds(MAX_BACKOFF),
                ":limit": limit,
            },
            |row| Ok((row.get::<_, i64>("due_ms")?, row.get::<_, bool>("is_own")?, columns::queued(row)?)),
        )?;
        let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let is_turn = |(due_ms, is_own, queued): &(i64, bool, Queued)| {
            *is_own || *due_ms > now || now - due_ms >= FIRST_TURN_MS + turn_ms(me, queued)
        };
        let turn = rows.into_iter().filter(is_turn).enumerate();
        due.extend(turn.map(|(position, (due_ms, _, queued))| (position, due_ms, queued)));
    }
    due.sort_by_key(|(position, due_ms, queued)| (*position, *due_ms, queued.seq));
    Ok(due.into_iter().map(|(_, _, queued)| queued).take(limit).collect())
}

/// How much longer this process leaves a message to others than [`FIRST_TURN_MS`]: processes that see the same message due do
/// not all log in for it at the same moment.
fn turn_ms(me: OwnerId, queued: &Queued) -> i64 {
    let mut hash = DefaultHasher::new();
    (me, queued.id, queued.attempts).hash(&mut hash);
    (hash.finish() % LAST_TURN_MS.abs_diff(FIRST_TURN_MS)).cast_signed()
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

/// The lanes that have one of these accounts, with the principals that have messages waiting in them.
fn turns(db: &Connection, accounts: &[Account]) -> rusqlite::Result<Vec<(i64, String)>> {
    // From one to the next in the index, however many messages each has.
    let sql = "WITH RECURSIVE each(principal) AS ( \
        SELECT min(principal) FROM message WHERE lane = :lane AND state = 'queued' UNION ALL \
        SELECT (SELECT min(principal) FROM message WHERE lane = :lane AND state = 'queued' AND principal > each.principal) \
        FROM each WHERE each.principal IS NOT NULL) SELECT principal FROM each WHERE principal IS NOT NULL";
    let mut statement = db.prepare_cached(sql)?;
    let mut turns = Vec::new();
    for lane in lanes(db, accounts)? {
        let principals = statement.query_map(named_params! { ":lane": lane }, |row| row.get(0))?;
        turns.extend(principals.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().map(|one| (lane, one)));
    }
    Ok(turns)
}

/// The lanes that have one of these accounts.
pub(super) fn lanes(db: &Connection, accounts: &[Account]) -> rusqlite::Result<Vec<i64>> {
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

/// Marks the message as being sent by `me`, with the next token. Returns the digest of what was taken, which is `None` if an older
/// version of this program took it. `None`: it is not waiting any more, or sending is paused.
pub(in crate::outbox) fn claim(
    db: &Connection,
    now: i64,
    me: OwnerId,
    queued: &Queued,
) -> rusqlite::Result<Option<Option<Digest>>> {
    // After a commit whose result was lost the claim may be there already; nobody else has this owner and this token.
    if !is_in_effect(db, ClaimKey { seq: queued.seq, token: queued.token + 1, owner: me })? {
        if !take(db, me, queued)? {
            return Ok(None);
        }
        add_event(db, queued.seq, now, "claimed", None)?;
    }
    db.prepare_cached("SELECT digest FROM message WHERE seq = ?")?
        .query_row([queued.seq], |row| Ok(row.get::<_, Option<[u8; 32]>>("digest")?.map(Digest)))
        .map(Some)
}

fn take(db: &Connection, me: OwnerId, queued: &Queued) -> rusqlite::Result<bool> {
    // What is due at another time was queued anew since its recipients were read, perhaps without some of them.
    let sql = "UPDATE message SET state = 'sending', owner = :me, token = token + 1, attempts = attempts + 1 \
        WHERE seq = :seq AND token = :token AND attempts = :attempts AND due_ms = :due AND state = 'queued' \
        AND NOT EXISTS (SELECT 1 FROM pause)";
    let taken = db.prepare_cached(sql)?.execute(named_params! {
        ":me": me.0.as_bytes(), ":seq": queued.seq, ":token": queued.token, ":attempts": queued.attempts,
        ":due": queued.due.timestamp_millis(),
    })?;
    Ok(taken > 0)
}

/// The message as it was composed, and its open recipients. `None`: it is not waiting any more.
pub(in crate::outbox) fn load(
    db: &Connection,
    queued: &Queued,
) -> rusqlite::Result<Option<Result<Loaded, StoredError>>> {
    let seq = queued.seq;
    let sql = "SELECT envelope, bytes FROM content JOIN message USING (seq) \
        WHERE seq = ? AND token = ? AND attempts = ? AND state = 'queued'";
    let content = db
        .prepare_cached(sql)?
        .query_row(params![seq, queued.token, queued.attempts], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
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

/// The message as it was taken, whatever its state. `None`: there is none, or its content is no longer kept.
pub(in crate::outbox) fn message(
    db: &Connection,
    id: Uuid,
) -> rusqlite::Result<Option<Result<Message, StoredError>>> {
    let sql = "SELECT envelope, bytes FROM content JOIN message USING (seq) WHERE id = ?";
    let content = db
        .prepare_cached(sql)?
        .query_row([id.as_bytes()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .optional()?;
    Ok(content.map(|(envelope, bytes)| Message::from_stored(&envelope, bytes.into())))
}
