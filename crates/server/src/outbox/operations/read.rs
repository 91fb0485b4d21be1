//! What the outbox holds, for people and assistants.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use uuid::Uuid;

use super::columns;
use crate::message::MessageInfo;
use crate::outbox::types::{Email, Event, Filter, Principal, Stats};

const COLUMNS: &str = "seq, id, state, principal, created_ms, due_ms, expires_ms, ended_ms, message_id, sender, subject, size, \
    content_type, attachments, attempts, EXISTS (SELECT 1 FROM content WHERE content.seq = message.seq) AS has_content";

/// The record of a message, if it is one of `principal`.
pub(in crate::outbox) fn get(
    db: &Connection,
    id: Uuid,
    principal: Option<Principal>,
) -> rusqlite::Result<Option<Email>> {
    let sql = format!("SELECT {COLUMNS} FROM message WHERE id = ?");
    let found = db.prepare_cached(&sql)?.query_row([id.as_bytes()], email).optional()?;
    let Some((seq, email)) = found else {
        return Ok(None);
    };
    if principal.is_some_and(|principal| principal != email.principal) {
        return Ok(None);
    }
    with_recipients(db, seq, email).map(Some)
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
pub(in crate::outbox) fn list(db: &Connection, filter: &Filter) -> rusqlite::Result<Vec<Email>> {
    let before: Option<i64> = match filter.before {
        None => None,
        Some(id) => db
            .prepare_cached("SELECT seq FROM message WHERE id = ?")?
            .query_row([id.as_bytes()], |row| row.get(0))
            .optional()?,
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM message WHERE (:before IS NULL OR seq < :before) AND (:principal IS NULL OR principal = :principal) \
         AND (:state IS NULL OR state = :state) AND (:recipient IS NULL OR EXISTS (SELECT 1 FROM recipient \
         WHERE recipient.seq = message.seq AND address = :recipient COLLATE NOCASE)) ORDER BY seq DESC LIMIT :limit"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let found = statement.query_map(
        named_params! {
            ":before": before,
            ":principal": filter.principal.map(Principal::word),
            ":state": filter.state.map(crate::outcome::State::word),
            ":recipient": filter.recipient,
            ":limit": filter.limit,
        },
        email,
    )?;
    let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    found.into_iter().map(|(seq, email)| with_recipients(db, seq, email)).collect()
}

/// What waits.
pub(in crate::outbox) fn stats(db: &Connection) -> rusqlite::Result<Stats> {
    let count = |state: &str| -> rusqlite::Result<u64> {
        let sql = "SELECT count(*) FROM message WHERE ended_ms IS NULL AND state = ?";
        db.prepare_cached(sql)?.query_row([state], |row| row.get(0))
    };
    let sql = "SELECT min(created_ms) FROM message WHERE ended_ms IS NULL AND state IN ('queued', 'sending')";
    let oldest: Option<i64> = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(Stats {
        queued: count("queued")?,
        sending: count("sending")?,
        unknown: count("unknown")?,
        oldest: oldest.map(columns::time),
    })
}

fn email(row: &Row<'_>) -> rusqlite::Result<(i64, Email)> {
    let time = |column| row.get::<_, i64>(column).map(columns::time);
    let content_type: String = row.get("content_type")?;
    let email = Email {
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
        recipients: Vec::new(),
        has_content: row.get("has_content")?,
    };
    Ok((row.get("seq")?, email))
}

fn with_recipients(db: &Connection, seq: i64, email: Email) -> rusqlite::Result<Email> {
    let mut statement = db.prepare_cached("SELECT * FROM recipient WHERE seq = ? ORDER BY n")?;
    let recipients =
        statement.query_map(params![seq], columns::recipient)?.collect::<rusqlite::Result<_>>()?;
    Ok(Email { recipients, ..email })
}
