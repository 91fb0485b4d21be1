//! The tables: created in a new database, changed in an older one, refused in any other.

use rusqlite::{Connection, TransactionBehavior};

use super::error::describe;
use super::fail_point;

/// The version of the schema, kept in the file's `user_version`.
pub(super) const SCHEMA_VERSION: i32 = 4;

/// What leads from version 1, 2, … to the next.
const MIGRATIONS: [&str; 3] = [
    "CREATE TABLE file(inode INTEGER NOT NULL, born_ns INTEGER) STRICT;",
    "ALTER TABLE message ADD COLUMN digest BLOB;
    CREATE TABLE approval(seq INTEGER PRIMARY KEY REFERENCES message, reasons TEXT NOT NULL,
        expires_ms INTEGER NOT NULL, approved_ms INTEGER) STRICT;
    CREATE TABLE pause(since_ms INTEGER NOT NULL) STRICT;
    CREATE TABLE retry(at_ms INTEGER NOT NULL) STRICT;",
    "ALTER TABLE message ADD COLUMN send_at_ms INTEGER;
    ALTER TABLE message ADD COLUMN all_or_nothing INTEGER NOT NULL DEFAULT 0 CHECK(all_or_nothing IN (0, 1));
    ALTER TABLE message ADD COLUMN stop INTEGER NOT NULL DEFAULT 0 CHECK(stop IN (0, 1));
    DROP INDEX message_due;
    CREATE INDEX message_due ON message(lane, principal, due_ms, send_at_ms) WHERE state = 'queued';
    CREATE INDEX message_principal ON message(principal);
    CREATE INDEX message_key_ended ON message(ended_ms) WHERE idempotency_key IS NOT NULL AND ended_ms IS NOT NULL;
    CREATE INDEX message_failed ON message(state) WHERE state IN ('partial', 'refused', 'cancelled');
    CREATE INDEX recipient_address ON recipient(address COLLATE NOCASE);",
];

/// What the version and the tables of a database tell.
enum Found {
    /// There is nothing in it yet.
    Empty,
    /// It is an outbox of this version.
    Current,
    /// It is an outbox of this older version.
    Older(usize),
}

/// Creates the tables, or brings them to this version. One process at a time.
///
/// # Errors
/// It is no outbox, or one of a newer version.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), String> {
    let failed = |error: rusqlite::Error| describe(&error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    match find(&transaction)? {
        Found::Current => return Ok(()),
        Found::Empty => transaction.execute_batch(include_str!("schema.sql")).map_err(failed)?,
        Found::Older(version) => {
            for migration in &MIGRATIONS[version - 1..] {
                transaction.execute_batch(migration).map_err(failed)?;
            }
        }
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(failed)?;
    fail_point::around(|| transaction.commit()).map_err(failed)
}

/// Whether [`prepare`] has nothing to do. Changes nothing.
///
/// # Errors
/// As [`prepare`].
pub(super) fn is_current(connection: &Connection) -> Result<bool, String> {
    Ok(matches!(find(connection)?, Found::Current))
}

fn find(connection: &Connection) -> Result<Found, String> {
    let failed = |error: rusqlite::Error| describe(&error);
    let version = user_version(connection).map_err(failed)?;
    let tables = tables(connection).map_err(failed)?;
    let is_outbox =
        ["message", "recipient", "lane_account"].iter().all(|table| tables.iter().any(|name| name == table));
    match version {
        0 if tables.is_empty() => Ok(Found::Empty),
        _ if !is_outbox => Err("it is a database of another program".to_owned()),
        SCHEMA_VERSION => Ok(Found::Current),
        1..SCHEMA_VERSION => Ok(Found::Older(usize::try_from(version).unwrap_or(1))),
        _ => Err(format!(
            "it was made by a newer version of this program (form {version}, this program knows form {SCHEMA_VERSION}); \
             install that version"
        )),
    }
}

/// The version of the schema in the file.
pub(super) fn user_version(connection: &Connection) -> rusqlite::Result<i32> {
    connection.prepare_cached("PRAGMA user_version")?.query_row([], |row| row.get(0))
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    statement.query_map([], |row| row.get(0))?.collect()
}
