//! The SQLite database: how it is opened, and its transactions.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, ffi};

use super::error::describe;
use super::fail_point;
use super::file::{self, FileIdentity};
use super::operations::adopt;
use super::schema::{self, SCHEMA_VERSION, user_version};
use crate::config::OutboxLocation;

/// The oldest SQLite with the WAL fixes that this program relies on: 3.51.3.
const MIN_SQLITE: i32 = 3_051_003;

/// How long another process's transaction is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Prepared statements that are kept; preparing them again would cost more than running them.
const STATEMENTS: usize = 64;

/// The writing connection.
pub(super) struct Database {
    connection: Connection,
    /// `None`: in memory.
    file: Option<OpenFile>,
}

/// The reading connection.
pub(super) struct Reader {
    connection: Connection,
    file: OpenFile,
}

/// The file that SQLite has opened.
#[derive(Clone)]
struct OpenFile {
    /// The path that every process uses.
    path: PathBuf,
    identity: FileIdentity,
}

impl Database {
    /// Opens the database, and creates it if there is none.
    ///
    /// # Errors
    /// It cannot be used, in one sentence.
    pub(super) fn open(location: &OutboxLocation, now: i64) -> Result<Self, String> {
        if rusqlite::version_number() < MIN_SQLITE {
            return Err(format!("SQLite {} is too old", rusqlite::version()));
        }
        match location {
            OutboxLocation::Memory => Self::in_memory(),
            OutboxLocation::File(path) => Self::in_file(path, now),
        }
    }

    fn in_memory() -> Result<Self, String> {
        let failed = |error: rusqlite::Error| describe(&error);
        let mut connection = connect(None, false).map_err(failed)?;
        set_up(&connection, "memory").map_err(failed)?;
        schema::prepare(&mut connection)?;
        Ok(Self { connection, file: None })
    }

    fn in_file(path: &Path, now: i64) -> Result<Self, String> {
        let failed = |error: rusqlite::Error| describe(&error);
        let path = file::prepare(path)?;
        let identity = FileIdentity::of(&path).map_err(|error| error.to_string())?;
        let file = OpenFile { path, identity };
        let mut connection = connect(Some(&file.path), false).map_err(failed)?;
        if !file.is_ready(&connection) {
            file.make_ready(&mut connection, now)?;
        }
        set(&connection, "journal_mode", "wal", "wal").map_err(failed)?;
        Ok(Self { connection, file: Some(file) })
    }

    /// The path that every process uses. `None`: in memory.
    pub(super) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }

    /// A second connection, which only reads. There is none to a database in memory.
    pub(super) fn reader(&self) -> rusqlite::Result<Option<Reader>> {
        let Some(file) = &self.file else { return Ok(None) };
        Ok(Some(Reader { connection: connect(Some(&file.path), true)?, file: file.clone() }))
    }

    /// Begins a write transaction.
    ///
    /// # Errors
    /// [`rusqlite::ErrorCode::SchemaChanged`] and [`ffi::SQLITE_READONLY_DBMOVED`]: this process must not use the file any more.
    pub(super) fn begin(&mut self) -> rusqlite::Result<&Connection> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let checked = self.file.as_ref().map_or(Ok(()), |file| file.check(&self.connection));
        if checked.is_err() {
            self.roll_back();
        }
        checked.map(|()| &self.connection)
    }

    /// Commits. After an error nothing of the transaction is in effect here; on the disk it may be.
    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        let commit = || self.connection.prepare_cached("COMMIT")?.execute([]).map(drop);
        let committed = fail_point::around(commit);
        if committed.is_err() {
            self.roll_back();
        }
        committed
    }

    /// Rolls back what is left of a transaction.
    pub(super) fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Opens the file again, and with it reads what is really there.
    pub(super) fn reopen(&mut self) -> rusqlite::Result<()> {
        if let Some(file) = &self.file {
            self.connection = connect(Some(&file.path), false)?;
        }
        Ok(())
    }
}

impl Reader {
    /// The connection.
    ///
    /// # Errors
    /// As [`Database::begin`].
    pub(super) fn connection(&self) -> rusqlite::Result<&Connection> {
        self.file.check(&self.connection)?;
        Ok(&self.connection)
    }
}

impl OpenFile {
    /// Whether there is nothing to create, to change or to hold, and so no process to wait for.
    fn is_ready(&self, connection: &Connection) -> bool {
        schema::is_current(connection).is_ok_and(|is_current| is_current)
            && adopt::is_known(connection, self.identity.stored()).is_ok_and(|is_known| is_known)
    }

    /// Creates the tables or brings them to this version, and holds what is in a copy. One process at a time.
    fn make_ready(&self, connection: &mut Connection, now: i64) -> Result<(), String> {
        let failed = |error: rusqlite::Error| describe(&error);
        let _opening = file::lock_opening(&file::owners_of(&self.path))?;
        // Nothing is changed in what is no outbox.
        if !schema::is_current(connection)? {
            set_up(connection, "wal").map_err(failed)?;
            schema::prepare(connection)?;
        }
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        adopt::recognize(&transaction, now, self.identity.stored()).map_err(failed)?;
        fail_point::around(|| transaction.commit()).map_err(failed)
    }

    /// Whether this process may still use what it has opened.
    fn check(&self, connection: &Connection) -> rusqlite::Result<()> {
        if user_version(connection)? != SCHEMA_VERSION {
            let problem = "a newer version of this program has taken it over; stop this one";
            return Err(sqlite_error(ffi::SQLITE_SCHEMA, problem));
        }
        match FileIdentity::of(&self.path) {
            Ok(found) if found == self.identity => Ok(()),
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(sqlite_error(ffi::SQLITE_IOERR_FSTAT, &error.to_string()))
            }
            _ => {
                let problem =
                    "its file was removed or replaced while this program used it; restart this program";
                Err(sqlite_error(ffi::SQLITE_READONLY_DBMOVED, problem))
            }
        }
    }
}

fn sqlite_error(code: i32, text: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(text.to_owned()))
}

fn connect(path: Option<&Path>, read_only: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = match path {
        None => Connection::open_in_memory()?,
        Some(path) => Connection::open_with_flags(path, flags)?,
    };
    connection.busy_handler(Some(wait_a_moment))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without it SQLite prepares a statement anew whenever a bound value could decide which partial index it may use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // No part of a message goes to a temporary file.
    set(&connection, "temp_store", "MEMORY", "2")?;
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
        // A checkpoint every 8 MB instead of every 2: it writes each page once, however often it changed.
        set(&connection, "wal_autocheckpoint", "4000", "4000")?;
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

/// What is kept in the file. In a new one it must be set before the first table.
fn set_up(connection: &Connection, journal_mode: &str) -> rusqlite::Result<()> {
    if user_version(connection)? == 0 {
        connection.pragma_update(None, "page_size", 2048)?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update_and_check(None, "journal_mode", journal_mode, |row| row.get::<_, String>(0))?;
    set(connection, "journal_mode", journal_mode, journal_mode)
}

/// SQLite's own busy timeout lets one process wait for seconds while another takes thousands of turns.
fn wait_a_moment(waited: i32) -> bool {
    let jitter = Duration::from_micros(u64::from(waited.unsigned_abs().wrapping_mul(2_654_435_761) % 500));
    std::thread::sleep(Duration::from_micros(750) + jitter);
    Duration::from_millis(u64::from(waited.unsigned_abs())) < BUSY_TIMEOUT
}
