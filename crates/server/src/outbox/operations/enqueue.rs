//! Takes a message, unless it was taken before.

use std::io::Write as _;

use rusqlite::{Connection, MAIN_DB, OptionalExtension, named_params, params};
use uuid::Uuid;

use super::room::Place;
use super::{add_event, approval, columns, quota, room};
use crate::config::Account;
use crate::outbox::owner::OwnerId;
use crate::outbox::results::Enqueued;
use crate::outbox::types::{DUPLICATE_WINDOW, EXPIRES_AFTER, NewMessage, Queued, Schedule};
use crate::outcome::State;

/// Takes `new`, or tells which earlier message it repeats, or why it is not taken.
pub(in crate::outbox) fn enqueue(
    db: &Connection,
    now: i64,
    me: OwnerId,
    new: &NewMessage,
    place: Place<'_>,
) -> rusqlite::Result<Enqueued> {
    // After a commit whose result was lost the message may be here already.
    if let Some(queued) = find(db, new.id)? {
        return Ok(Enqueued::New(queued));
    }
    if let Some(earlier) = earlier(db, now, new)? {
        return Ok(earlier);
    }
    if let Some(over) = quota::over(db, now, new.quota)? {
        return Ok(Enqueued::OverQuota(over));
    }
    if let Some(lacking) = room::lacking(db, now, new.limits, size(new) as u64, place)? {
        return Ok(Enqueued::NoRoom(lacking));
    }
    let seq = insert(db, now, me, new)?;
    place.waiting.add();
    if let Some(hold) = &new.hold {
        approval::ask(db, now, seq, hold)?;
        add_event(db, seq, now, "held for approval", None)?;
        return Ok(Enqueued::Held);
    }
    add_event(db, seq, now, "queued", None)?;
    find(db, new.id)?.map(Enqueued::New).ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// The message as it waits.
pub(in crate::outbox) fn find(db: &Connection, id: Uuid) -> rusqlite::Result<Option<Queued>> {
    let sql = format!("SELECT {} FROM message LEFT JOIN approval USING (seq) WHERE id = ?", columns::QUEUED);
    db.prepare_cached(&sql)?.query_row([id.as_bytes()], columns::queued).optional()
}

fn earlier(db: &Connection, now: i64, new: &NewMessage) -> rusqlite::Result<Option<Enqueued>> {
    match &new.idempotency_key {
        Some(key) => with_same_key(db, key, new),
        None if new.allow_duplicate => Ok(None),
        None => with_same_request(db, now, new),
    }
}

fn with_same_key(db: &Connection, key: &str, new: &NewMessage) -> rusqlite::Result<Option<Enqueued>> {
    let sql = "SELECT seq, id, state, request_digest, send_at_ms, all_or_nothing FROM message WHERE principal = ? AND idempotency_key = ?";
    let found = db
        .prepare_cached(sql)?
        .query_row(params![new.principal.word(), key], |row| {
            Ok((
                row.get::<_, i64>("seq")?,
                columns::id(row, "id")?,
                columns::state(row, "state")?,
                (row.get("request_digest")?, row.get("send_at_ms")?, row.get("all_or_nothing")?),
            ))
        })
        .optional()?;
    let Some((seq, id, state, request)) = found else {
        return Ok(None);
    };
    // A refusal binds no key.
    if matches!(state, State::Refused | State::Cancelled) {
        db.prepare_cached("UPDATE message SET idempotency_key = NULL WHERE seq = ?")?.execute([seq])?;
        return Ok(None);
    }
    let asked: ([u8; 32], Option<i64>, bool) = request;
    Ok(Some(if asked == (new.request.0, send_at(new), new.all_or_nothing) {
        Enqueued::Earlier(id)
    } else {
        Enqueued::Conflict(id, state)
    }))
}

fn with_same_request(db: &Connection, now: i64, new: &NewMessage) -> rusqlite::Result<Option<Enqueued>> {
    let sql = "SELECT id, state FROM message WHERE request_digest = ? AND idempotency_key IS NULL AND principal = ? \
        AND created_ms > ? AND state NOT IN ('refused', 'cancelled') ORDER BY created_ms DESC, seq DESC LIMIT 1";
    let since = now - columns::milliseconds(DUPLICATE_WINDOW);
    db.prepare_cached(sql)?
        .query_row(params![new.request.0, new.principal.word(), since], |row| {
            Ok(Enqueued::PossibleDuplicate(columns::id(row, "id")?, columns::state(row, "state")?))
        })
        .optional()
}

fn send_at(new: &NewMessage) -> Option<i64> {
    match new.schedule {
        Schedule::At(at) => Some(at.timestamp_millis()),
        Schedule::Now | Schedule::After(_) => None,
    }
}

/// The size of the message as its first server gets it.
fn size(new: &NewMessage) -> usize {
    let header = new.message.header_variants.first();
    new.message.content.len() + header.map_or(0, |variant| variant.header.len())
}

fn insert(db: &Connection, now: i64, me: OwnerId, new: &NewMessage) -> rusqlite::Result<i64> {
    let message = &new.message;
    let header = message.header_variants.first();
    let content_type = serde_json::to_string(&message.info.content_type).unwrap_or_default();
    let due = match new.schedule {
        Schedule::Now => now,
        Schedule::After(pause) => now + columns::milliseconds(pause),
        Schedule::At(at) => at.timestamp_millis().max(now),
    };
    db.prepare_cached(
        "INSERT INTO message(id, lane, state, created_ms, due_ms, expires_ms, principal, idempotency_key, request_digest, \
         message_id, sender, subject, size, content_type, attachments, taken_by, on_unknown, digest, send_at_ms, all_or_nothing) \
         VALUES (:id, :lane, :state, :now, :due, :expires, :principal, :key, :request, \
         :message_id, :sender, :subject, :size, :content_type, :attachments, :me, :on_unknown, :digest, :send_at, :all_or_nothing)",
    )?
    .execute(named_params! {
        ":id": new.id.as_bytes(),
        ":lane": lane(db, &new.accounts)?,
        ":now": now,
        ":due": due,
        ":expires": due + columns::milliseconds(EXPIRES_AFTER),
        ":principal": new.principal.word(),
        ":key": new.idempotency_key,
        ":request": new.request.0,
        ":message_id": message.message_id,
        ":sender": header.map(|variant| variant.sender.to_string()).unwrap_or_default(),
        ":subject": new.subject,
        ":size": size(new),
        ":content_type": content_type.trim_matches('"'),
        ":attachments": message.info.attachments,
        ":me": me.0.as_bytes(),
        ":on_unknown": new.on_unknown.word(),
        ":state": if new.hold.is_some() { State::Held.word() } else { State::Queued.word() },
        ":digest": message.digest.0,
        ":send_at": send_at(new),
        ":all_or_nothing": new.all_or_nothing,
    })?;
    let seq = db.last_insert_rowid();
    let mut statement = db.prepare_cached("INSERT INTO recipient(seq, n, address) VALUES (?, ?, ?)")?;
    for (n, recipient) in message.recipients.iter().enumerate() {
        statement.execute(params![seq, n, recipient.to_string()])?;
    }
    insert_content(db, seq, new)?;
    Ok(seq)
}

/// In pieces: bound as a parameter, a large content would be copied as a whole.
fn insert_content(db: &Connection, seq: i64, new: &NewMessage) -> rusqlite::Result<()> {
    const PIECE: usize = 64 << 10;
    let content = &new.message.content;
    let envelope = new.message.to_stored();
    let mut insert = db.prepare_cached("INSERT INTO content(seq, envelope, bytes) VALUES (?, ?, ?)")?;
    if content.len() <= PIECE {
        insert.execute(params![seq, envelope, &content[..]])?;
        return Ok(());
    }
    insert.execute(params![seq, envelope, rusqlite::blob::ZeroBlob(content.len() as u64)])?;
    let mut blob = db.blob_open(MAIN_DB, c"content", c"bytes", seq, false)?;
    for piece in content.chunks(PIECE) {
        blob.write_all(piece).map_err(|_| rusqlite::Error::BlobSizeError)?;
    }
    blob.close()
}

/// The lane of these accounts; a new one if there is none yet.
pub(super) fn lane(db: &Connection, accounts: &[Account]) -> rusqlite::Result<i64> {
    let mut sorted: Vec<_> = accounts.iter().map(|account| account.0).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let set = sorted.concat();
    let found = db
        .prepare_cached("SELECT lane FROM lane WHERE accounts = ?")?
        .query_row([&set], |row| row.get(0))
        .optional()?;
    if let Some(lane) = found {
        return Ok(lane);
    }
    db.prepare_cached("INSERT INTO lane(accounts) VALUES (?)")?.execute([&set])?;
    let lane = db.last_insert_rowid();
    for account in sorted {
        db.prepare_cached("INSERT INTO lane_account(account, lane) VALUES (?, ?)")?
            .execute(params![account, lane])?;
    }
    Ok(lane)
}
