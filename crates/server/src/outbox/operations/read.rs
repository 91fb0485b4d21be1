//! What the outbox holds, for people and assistants.

use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::{approval, columns, pause};
use crate::address::Address;
use crate::config::Account;
use crate::message::{Digest, MessageInfo};
use crate::outbox::owner::OwnerId;
use crate::outbox::results::Stats;
use crate::outbox::types::{Email, Event, Filter, Principal, Version};
use crate::outcome::State;

const COLUMNS: &str = "seq, id, owner, (SELECT accounts FROM lane WHERE lane.lane = message.lane) AS accounts, state, principal, created_ms, due_ms, expires_ms, ended_ms, message_id, sender, subject, size, \
    content_type, attachments, attempts, request_digest, send_at_ms, all_or_nothing, stop, EXISTS (SELECT 1 FROM content WHERE content.seq = message.seq) AS has_content";

/// A message, and what tells which processes have to do with it.
pub(in crate::outbox) struct Found {
    seq: i64,
    pub(in crate::outbox) email: Email,
    /// The accounts that can send it.
    pub(in crate::outbox) accounts: Vec<Account>,
    /// The process that is sending it.
    pub(in crate::outbox) owner: Option<OwnerId>,
}

/// The record of a message, if it is one of `principal`.
pub(in crate::outbox) fn get(
    db: &Connection,
    id: Uuid,
    principal: Option<Principal>,
) -> rusqlite::Result<Option<Found>> {
    let sql = format!("SELECT {COLUMNS} FROM message WHERE id = ?");
    let found = db.prepare_cached(&sql)?.query_row([id.as_bytes()], found).optional()?;
    match found {
        Some(one) if principal.is_none_or(|principal| principal == one.email.principal) => {
            with_recipients(db, one).map(Some)
        }
        _ => Ok(None),
    }
}

/// The history of a message, oldest first.
pub(in crate::outbox) fn history(db: &Connection, id: Uuid) -> rusqlite::Result<Vec<Event>> {
    let sql = "SELECT at_ms, kind, detail FROM event JOIN message USING (seq) WHERE id = ? ORDER BY n";
    let mut statement = db.prepare_cached(sql)?;
    let events = statement.query_map([id.as_bytes()], |row| {
        Ok(Event { at: columns::time(row.get(0)?), kind: row.get(1)?, detail: row.get(2)? })
    })?;
    events.collect()
}

/// The messages that match, newest first.
pub(in crate::outbox) fn list(db: &Connection, filter: &Filter) -> rusqlite::Result<Vec<Found>> {
    let before: Option<i64> = match filter.before {
        None => None,
        Some(id) => db
            .prepare_cached("SELECT seq FROM message WHERE id = ?")?
            .query_row([id.as_bytes()], |row| row.get(0))
            .optional()?,
    };
    // Only conditions that apply, and the state as a word: so each filter finds its index.
    let state = filter.state.map(|state| format!("state = '{}'", state.word()));
    let ended = filter.state.filter(|state| !state.is_final()).map(|_| "ended_ms IS NULL".to_owned());
    let principal = filter.principal.map(|_| "principal = :principal".to_owned());
    let recipient = filter
        .recipient
        .as_ref()
        .map(|_| "seq IN (SELECT seq FROM recipient WHERE address = :recipient COLLATE NOCASE)".to_owned());
    let before = before.map(|seq| format!("seq < {seq}"));
    let conditions: Vec<_> = [state, ended, principal, recipient, before].into_iter().flatten().collect();
    let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    let sql = format!("SELECT {COLUMNS} FROM message WHERE {conditions} ORDER BY seq DESC LIMIT :limit");
    let mut statement = db.prepare(&sql)?;
    let mut bind = |name: &str, value: &dyn rusqlite::ToSql| match statement.parameter_index(name)? {
        Some(index) => statement.raw_bind_parameter(index, value),
        None => Ok(()),
    };
    bind(":principal", &filter.principal.map(Principal::word))?;
    bind(":recipient", &filter.recipient)?;
    bind(":limit", &filter.limit)?;
    let found = statement.raw_query().mapped(found);
    let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    found.into_iter().map(|one| with_recipients(db, one)).collect()
}

/// What tells whether a message has changed: its state, its steps, its attempts, and whether its content is kept.
pub(in crate::outbox) fn version(
    db: &Connection,
    id: Uuid,
    principal: Principal,
) -> rusqlite::Result<Option<Version>> {
    let sql = "SELECT state, attempts, (SELECT max(n) FROM event WHERE event.seq = message.seq) AS steps, \
        EXISTS (SELECT 1 FROM content WHERE content.seq = message.seq) AS has_content FROM message WHERE id = ? AND principal = ?";
    db.prepare_cached(sql)?
        .query_row(rusqlite::params![id.as_bytes(), principal.word()], |row| {
            Ok(Version {
                state: columns::state(row, "state")?,
                attempts: row.get("attempts")?,
                steps: row.get("steps")?,
                has_content: row.get("has_content")?,
            })
        })
        .optional()
}

/// The newest message of `principal`.
pub(in crate::outbox) fn newest(db: &Connection, principal: Principal) -> rusqlite::Result<Option<Uuid>> {
    let sql = "SELECT id FROM message WHERE principal = ? ORDER BY seq DESC LIMIT 1";
    db.prepare_cached(sql)?.query_row([principal.word()], |row| columns::id(row, "id")).optional()
}

/// What waits.
pub(in crate::outbox) fn stats(db: &Connection) -> rusqlite::Result<Stats> {
    let count = |state: &str| -> rusqlite::Result<u64> {
        let sql = "SELECT count(*) FROM message WHERE ended_ms IS NULL AND state = ?";
        db.prepare_cached(sql)?.query_row([state], |row| row.get(0))
    };
    let sql = "SELECT min(created_ms) FROM message WHERE ended_ms IS NULL AND state IN ('queued', 'sending')";
    let sql_awaiting = "SELECT count(*) FROM message JOIN approval USING (seq) WHERE state = 'held' AND ended_ms IS NULL AND approved_ms IS NULL";
    let oldest: Option<i64> = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(Stats {
        queued: count("queued")?,
        sending: count("sending")?,
        unknown: count("unknown")?,
        held: count("held")?,
        awaiting_approval: db.prepare_cached(sql_awaiting)?.query_row([], |row| row.get(0))?,
        paused_since: pause::since(db)?.map(columns::time),
        unserved: 0,
        oldest: oldest.map(columns::time),
    })
}

/// How many messages wait for an attempt by each set of accounts.
pub(in crate::outbox) fn queued_by_lane(db: &Connection) -> rusqlite::Result<Vec<(Vec<Account>, u64)>> {
    let sql = "SELECT accounts, count(*) FROM message JOIN lane USING (lane) WHERE state = 'queued' AND ended_ms IS NULL \
        GROUP BY lane";
    let mut statement = db.prepare_cached(sql)?;
    let lanes = statement.query_map([], |row| Ok((columns::accounts(row, "accounts")?, row.get(1)?)))?;
    lanes.collect()
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    let owner: Option<[u8; 16]> = row.get("owner")?;
    Ok(Found {
        seq: row.get("seq")?,
        email: email(row)?,
        accounts: columns::accounts(row, "accounts")?,
        owner: owner.map(|id| OwnerId(Uuid::from_bytes(id))),
    })
}

fn email(row: &Row<'_>) -> rusqlite::Result<Email> {
    let time = |column| row.get::<_, i64>(column).map(columns::time);
    let content_type: String = row.get("content_type")?;
    Ok(Email {
        id: columns::id(row, "id")?,
        state: columns::state(row, "state")?,
        principal: columns::principal(row, "principal")?,
        created: time("created_ms")?,
        due: time("due_ms")?,
        expires: time("expires_ms")?,
        ended: row.get::<_, Option<i64>>("ended_ms")?.map(columns::time),
        message_id: row.get("message_id")?,
        sender: row.get("sender")?,
        subject: row.get("subject")?,
        size: row.get("size")?,
        info: MessageInfo {
            content_type: serde_json::from_value(content_type.into())
                .unwrap_or(crate::message::ContentType::Plain),
            attachments: row.get("attachments")?,
        },
        attempts: row.get("attempts")?,
        request: Digest(row.get("request_digest")?),
        recipients: Vec::new(),
        has_content: row.get("has_content")?,
        approval: None,
        send_at: row.get::<_, Option<i64>>("send_at_ms")?.map(columns::time),
        all_or_nothing: row.get("all_or_nothing")?,
        is_stopping: row.get("stop")? && columns::state(row, "state")? == State::Sending,
        paused_since: None,
        is_unserved: false,
        sending_by: None,
    })
}

fn with_recipients(db: &Connection, mut found: Found) -> rusqlite::Result<Found> {
    let mut statement = db.prepare_cached("SELECT * FROM recipient WHERE seq = ? ORDER BY n")?;
    found.email.recipients =
        statement.query_map([found.seq], columns::recipient)?.collect::<rusqlite::Result<_>>()?;
    match found.email.state {
        State::Held => found.email.approval = approval::of(db, found.seq)?,
        State::Queued => found.email.paused_since = pause::since(db)?.map(columns::time),
        _ => {}
    }
    Ok(found)
}

/// Of `addresses`, those that no message was ever accepted for. `None`: there is no index to find that with.
pub(in crate::outbox) fn first_contacts(
    db: &Connection,
    addresses: &[Address],
) -> rusqlite::Result<Option<Vec<bool>>> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = 'recipient_accepted'";
    if !db.prepare_cached(sql)?.exists([])? {
        return Ok(None);
    }
    let sql = "SELECT 1 FROM recipient WHERE address = ? COLLATE NOCASE AND status = 'accepted'";
    let mut statement = db.prepare_cached(sql)?;
    let is_first = |address: &Address| Ok(!statement.exists([address.to_string()])?);
    addresses.iter().map(is_first).collect::<rusqlite::Result<_>>().map(Some)
}

/// Makes that index. Only outboxes whose rules ask about first contacts have it, because each accepted recipient pays for it.
pub(in crate::outbox) fn index_contacts(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE INDEX IF NOT EXISTS recipient_accepted ON recipient(address COLLATE NOCASE) WHERE status = 'accepted'",
    )
}
