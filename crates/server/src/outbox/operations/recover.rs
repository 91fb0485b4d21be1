//! What is left of attempts that nobody will finish.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::columns;
use super::settle::{self, ClaimKey};
use crate::outbox::owner::OwnerId;
use crate::outcome::{RecipientOutcome, RecipientStatus};

/// The processes that are sending something.
pub(in crate::outbox) fn owners(db: &Connection) -> rusqlite::Result<Vec<OwnerId>> {
    let mut statement = db.prepare_cached("SELECT DISTINCT owner FROM message WHERE state = 'sending'")?;
    let owners = statement.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
    owners.map(|bytes| bytes.map(|bytes| OwnerId(Uuid::from_bytes(bytes)))).collect()
}

/// Ends every attempt of a process that is dead; how many there were. What it had not recorded is unknown.
pub(in crate::outbox) fn recover(db: &Connection, now: i64, owner: OwnerId) -> rusqlite::Result<usize> {
    let rows = {
        let mut statement =
            db.prepare_cached("SELECT seq, token FROM message WHERE state = 'sending' AND owner = ?")?;
        let rows = statement.query_map([owner.0.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?
    };
    for (seq, token) in &rows {
        let reason = "this program ended while it was being sent";
        give_up(db, now, ClaimKey { seq: *seq, token: *token, owner }, reason)?;
    }
    Ok(rows.len())
}

/// Ends an attempt of which nobody knows whether it sent anything: its open recipients are unknown.
pub(in crate::outbox) fn give_up(
    db: &Connection,
    now: i64,
    key: ClaimKey,
    reason: &str,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("SELECT * FROM recipient WHERE seq = ? AND status = 'open'")?;
    let open =
        statement.query_map(params![key.seq], columns::recipient)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let unknown = |one: RecipientOutcome| RecipientOutcome {
        status: RecipientStatus::Unknown,
        phase: smtp_submission::Phase::EndOfData,
        reason: reason.to_owned(),
        ..RecipientOutcome::open(one.address)
    };
    let open: Vec<_> = open.into_iter().map(unknown).collect();
    settle::give_up(db, now, key, &open)
}
