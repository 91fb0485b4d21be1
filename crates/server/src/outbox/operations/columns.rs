//! How values are written in the database.

use chrono::{DateTime, Utc};
use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};
use smtp_submission::Phase;
use uuid::Uuid;

use crate::address::Address;
use crate::config::Account;
use crate::outbox::types::{Principal, Queued};
use crate::outcome::{RecipientOutcome, RecipientStatus, ServerId, State};

/// The phase of a recipient that counts as accepted although no server said so.
pub(in crate::outbox) const ASSUMED: &str = "assumed";

/// A status in the table: whoever waits for another attempt is open.
pub(in crate::outbox) fn status(status: RecipientStatus) -> &'static str {
    match status {
        RecipientStatus::Accepted => "accepted",
        RecipientStatus::TryNext | RecipientStatus::Deferred => "open",
        RecipientStatus::Rejected => "rejected",
        RecipientStatus::Unknown => "unknown",
    }
}

/// A phase in the table.
pub(in crate::outbox) fn phase(phase: Phase) -> String {
    match serde_json::to_value(phase) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The instant of a stored time.
pub(in crate::outbox) fn time(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// A duration as it is stored.
pub(in crate::outbox) fn milliseconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// An id in a row.
pub(in crate::outbox) fn id(row: &Row<'_>, column: &str) -> rusqlite::Result<Uuid> {
    let bytes: [u8; 16] = row.get(column)?;
    Ok(Uuid::from_bytes(bytes))
}

/// The accounts of a lane in a row.
pub(in crate::outbox) fn accounts(row: &Row<'_>, column: &str) -> rusqlite::Result<Vec<Account>> {
    let set: Vec<u8> = row.get(column)?;
    let (accounts, _) = set.as_chunks::<32>();
    Ok(accounts.iter().copied().map(Account).collect())
}

/// A state in a row.
pub(in crate::outbox) fn state(row: &Row<'_>, column: &str) -> rusqlite::Result<State> {
    parsed(row, column, State::parse)
}

/// A principal in a row.
pub(in crate::outbox) fn principal(row: &Row<'_>, column: &str) -> rusqlite::Result<Principal> {
    parsed(row, column, Principal::parse)
}

/// What [`queued`] needs of `message` and `approval`.
pub(in crate::outbox) const QUEUED: &str =
    "seq, id, token, attempts, all_or_nothing, principal, lane, due_ms, approved_ms";

/// A message that waits, in a row of `message` and `approval`.
pub(in crate::outbox) fn queued(row: &Row<'_>) -> rusqlite::Result<Queued> {
    let approved: Option<i64> = row.get("approved_ms")?;
    Ok(Queued {
        seq: row.get("seq")?,
        id: id(row, "id")?,
        token: row.get("token")?,
        attempts: row.get("attempts")?,
        is_approved: approved.is_some(),
        all_or_nothing: row.get("all_or_nothing")?,
        principal: principal(row, "principal")?,
        lane: row.get("lane")?,
        due: time(row.get("due_ms")?),
    })
}

/// A row of `recipient`.
pub(in crate::outbox) fn recipient(row: &Row<'_>) -> rusqlite::Result<RecipientOutcome> {
    let server = match (row.get("server")?, row.get("host")?) {
        (Some(name), Some(host)) => Some(ServerId { name, host }),
        _ => None,
    };
    let phase: Option<String> = row.get("phase")?;
    let phase = phase.and_then(|word| serde_json::from_value(word.into()).ok());
    Ok(RecipientOutcome {
        address: parsed(row, "address", |text| Address::parse(text).ok())?,
        status: parsed(row, "status", recipient_status)?,
        // What was assumed, or cut off by a crash, was so at the end.
        phase: phase.unwrap_or(Phase::EndOfData),
        reason: row.get("reason")?,
        code: row.get("code")?,
        enhanced_code: row.get("enhanced_code")?,
        reply: row.get("reply")?,
        server,
        is_withdrawn: row.get::<_, String>("status")? == "withdrawn",
    })
}

fn recipient_status(word: &str) -> Option<RecipientStatus> {
    match word {
        "accepted" => Some(RecipientStatus::Accepted),
        "open" => Some(RecipientStatus::Deferred),
        "rejected" | "withdrawn" => Some(RecipientStatus::Rejected),
        "unknown" => Some(RecipientStatus::Unknown),
        _ => None,
    }
}

fn parsed<T>(row: &Row<'_>, column: &str, parse: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| {
        let index = row.as_ref().column_index(column).unwrap_or_default();
        rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(FromSqlError::InvalidType))
    })
}
