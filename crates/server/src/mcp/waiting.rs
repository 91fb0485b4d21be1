//! Why a mail waits, and until when, in words.

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

/// A time for people and programs.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Why nothing is sent, and what goes on.
pub(super) const PAUSED: &str =
    "sending is paused by the user, and `smtp-mcp-server resume` in a terminal goes on with it";

/// What the user runs to decide about a held mail.
pub(super) fn how_to_approve(id: Uuid) -> String {
    let id = id.simple();
    format!(
        "`smtp-mcp-server outbox approve {id}` in a terminal shows it and sends it, `smtp-mcp-server outbox reject {id}` cancels it"
    )
}
