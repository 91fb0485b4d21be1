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

/// The claims of this process, as the database knows them.
pub(in crate::outbox) fn claims(db: &Connection, owner: OwnerId) -> rusqlite::Result<Vec<ClaimKey>> {
    let mut statement =
        db.prepare_cached("SELECT seq, token FROM message WHERE state = 'sending' AND owner = ?")?;
    let keys = statement.query_map([owner.0.as_bytes()], |row| {
        Ok(ClaimKey { seq: row.get(0)?, token: row.get(1)?, owner })
    })?;
    keys.collect()
}

/// Ends every attempt of a process that is dead; how many there were. What it had not recorded is unknown.
pub(in crate::outbox) fn recover(db: &Connection, now: i64, owner: OwnerId) -> rusqlite::Result<usize> {
    let keys = claims(db, owner)?;
    for key in &keys {
        give_up(db, now, *key, "this program ended while it was being sent")?;
    }
    Ok(keys.len())
}

/// Ends every attempt, whoever makes it.
pub(super) fn give_up_all(db: &Connection, now: i64, reason: &str) -> rusqlite::Result<()> {
    for owner in owners(db)? {
        for key in claims(db, owner)? {
            give_up(db, now, key, reason)?;
        }
    }
    Ok(())
}

/// Ends an attempt of this process that none of its tasks holds.
pub(in crate::outbox) fn give_up_lost(db: &Connection, now: i64, key: ClaimKey) -> rusqlite::Result<bool> {
    give_up(db, now, key, LOST)
}

/// Why an attempt ended without an outcome although the program goes on.
pub(in crate::outbox) const LOST: &str = "an error inside this program ended the delivery; please report it";

/// Ends an attempt of which nobody knows whether it sent anything: its open recipients are unknown. False: it had ended already.
pub(in crate::outbox) fn give_up(
    db: &Connection,
    now: i64,
    key: ClaimKey,
    reason: &str,
) -> rusqlite::Result<bool> {
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
