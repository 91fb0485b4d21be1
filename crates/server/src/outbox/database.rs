//! The SQLite database: where it is, how it is opened, its transactions.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// The version of the schema, kept in the file's `user_version`.
const SCHEMA_VERSION: i32 = 1;

/// The oldest SQLite with the WAL fixes that this program relies on: 3.51.3.
const MIN_SQLITE: i32 = 3_051_003;

/// How long another process's transaction is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Prepared statements that are kept; preparing them again would cost more than running them.
const STATEMENTS: usize = 64;

/// Where the messages are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// In this file.
    File(PathBuf),
    /// In memory; they end with the process.
    Memory,
}

/// The writing connection.
pub(super) struct Database {
    connection: Connection,
    location: Location,
}

impl Database {
    /// Opens the database, and creates it if there is none.
    pub(super) fn open(location: Location) -> Result<Self, String> {
        if rusqlite::version_number() < MIN_SQLITE {
            return Err(format!("SQLite {} is too old", rusqlite::version()));
        }
        if let Location::File(path) = &location {
            create_file(path).map_err(|error| error.to_string())?;
        }
        let mut connection = connect(&location, false).map_err(|error| error.to_string())?;
        prepare(&mut connection, location == Location::Memory).map_err(|error| error.to_string())?;
        let version = user_version(&connection).map_err(|error| error.to_string())?;
        if version != SCHEMA_VERSION {
            return Err(format!(
                "it was made by another version of this program (form {version}, this program writes form {SCHEMA_VERSION})"
            ));
        }
        Ok(Self { connection, location })
    }

    /// A second connection, which only reads. There is none to a database in memory.
    pub(super) fn reader(&self) -> rusqlite::Result<Option<Connection>> {
        match self.location {
            Location::Memory => Ok(None),
            Location::File(_) => connect(&self.location, true).map(Some),
        }
    }

    /// Begins a write transaction.
    pub(super) fn begin(&mut self) -> rusqlite::Result<&Connection> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        match user_version(&self.connection) {
            Ok(SCHEMA_VERSION) => Ok(&self.connection),
            Ok(_) => {
                self.roll_back();
                // A newer program has changed the tables: this one must not write any more.
                Err(rusqlite::Error::InvalidParameterName(
                    "a newer version of this program has taken it over; stop this one".to_owned(),
                ))
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Commits. After an error nothing of the transaction is in effect here; on the disk it may be.
    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        let committed = self.connection.prepare_cached("COMMIT")?.execute([]);
        if committed.is_err() {
            self.roll_back();
        }
        committed.map(drop)
    }

    /// Rolls back what is left of a transaction.
    pub(super) fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Opens the file again, and with it reads what is really there.
    pub(super) fn reopen(&mut self) -> rusqlite::Result<()> {
        if self.location != Location::Memory {
            self.connection = connect(&self.location, false)?;
        }
        Ok(())
    }
}

fn user_version(connection: &Connection) -> rusqlite::Result<i32> {
    connection.prepare_cached("PRAGMA user_version")?.query_row([], |row| row.get(0))
}

/// Creates the directory, and the file before SQLite does, with permissions for its owner only.
fn create_file(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    // Once SQLite has opened it, the file must not be opened by any other way: closing that descriptor would drop SQLite's locks.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn connect(location: &Location, read_only: bool) -> rusqlite::Result<Connection> {
    let mut connection = match location {
        Location::Memory => Connection::open_in_memory()?,
        Location::File(path) => Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?,
    };
    connection.busy_handler(Some(wait_a_moment))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    set(&connection, "synchronous", "FULL", "2")?;
    set(&connection, "foreign_keys", "ON", "1")?;
    if cfg!(target_os = "macos") {
        set(&connection, "fullfsync", "ON", "1")?;
        set(&connection, "checkpoint_fullfsync", "ON", "1")?;
    }
    if read_only {
        set(&connection, "query_only", "ON", "1")?;
    } else {
        set(&connection, "secure_delete", "ON", "1")?;
        // What a large mail left of the log is cut off at the next checkpoint.
        connection
            .pragma_update_and_check(None, "journal_size_limit", 16 << 20, |row| row.get::<_, i64>(0))?;
    }
    Ok(connection)
}

/// Sets a pragma, and checks that it is in effect.
fn set(connection: &Connection, pragma: &str, value: &str, expected: &str) -> rusqlite::Result<()> {
    connection.pragma_update(None, pragma, value)?;
    let found: rusqlite::types::Value = connection.pragma_query_value(None, pragma, |row| row.get(0))?;
    let found = match found {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(rusqlite::Error::InvalidParameterName(format!("PRAGMA {pragma} is {found}, not {expected}")))
}

/// Creates the tables in a new database.
fn prepare(connection: &mut Connection, is_in_memory: bool) -> rusqlite::Result<()> {
    if user_version(connection)? == 0 {
        // Before the first table.
        connection.pragma_update(None, "page_size", 2048)?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let journal_mode = if is_in_memory { "memory" } else { "wal" };
    connection.pragma_update_and_check(None, "journal_mode", journal_mode, |row| row.get::<_, String>(0))?;
    set(connection, "journal_mode", journal_mode, journal_mode)?;
    if user_version(connection)? != 0 {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if user_version(&transaction)? == 0 {
        transaction.execute_batch(include_str!("schema.sql"))?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()
}

/// SQLite's own busy timeout lets one process wait for seconds while another takes thousands of turns.
fn wait_a_moment(waited: i32) -> bool {
    let jitter = Duration::from_micros(u64::from(waited.unsigned_abs().wrapping_mul(2_654_435_761) % 500));
    std::thread::sleep(Duration::from_micros(750) + jitter);
    Duration::from_millis(u64::from(waited.unsigned_abs())) < BUSY_TIMEOUT
}
