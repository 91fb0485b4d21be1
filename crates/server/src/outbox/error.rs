//! What can go wrong with the outbox.

use rusqlite::ffi;

/// Why an operation was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// It was certainly not done.
    #[error("the outbox: {0}")]
    Failed(String),
    /// The transaction could not be committed, and it is not known whether it was.
    #[error("the outbox: {0}; whether it was written is not known")]
    Uncertain(String),
    /// The message was changed after it was taken, or written by another version: it cannot be sent.
    #[error("the outbox: the message cannot be sent: {0}")]
    Damaged(String),
    /// This process must not use the outbox any more: its file was replaced, or taken over by a newer version of this program.
    #[error("the outbox: {0}")]
    Unusable(String),
    /// The outbox was closed, because the program is stopping.
    #[error("the outbox is closed: the program is stopping")]
    Closed,
}

impl OutboxError {
    pub(super) fn failed(error: &rusqlite::Error) -> Self {
        if is_unusable(error) { Self::Unusable(describe(error)) } else { Self::Failed(describe(error)) }
    }

    pub(super) fn uncertain(error: &rusqlite::Error) -> Self {
        Self::Uncertain(describe(error))
    }
}

fn is_unusable(error: &rusqlite::Error) -> bool {
    let found = error.sqlite_error();
    found.is_some_and(|error| {
        [ffi::SQLITE_SCHEMA, ffi::SQLITE_READONLY_DBMOVED].contains(&error.extended_code)
    })
}

/// What happened, and where it helps, what to do.
pub(super) fn describe(error: &rusqlite::Error) -> String {
    let advice = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => ": free space on the disk of SMTP_MCP_OUTBOX",
        Some(rusqlite::ErrorCode::SystemIoFailure) => ": check the disk of SMTP_MCP_OUTBOX",
        Some(rusqlite::ErrorCode::DatabaseBusy) => {
            ": another process holds it for longer than 10 s, and may have been stopped"
        }
        Some(rusqlite::ErrorCode::ReadOnly) if !is_unusable(error) => ": it cannot be written to",
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            ": run `smtp-mcp-server outbox check`"
        }
        _ => "",
    };
    format!("{error}{advice}")
}
