//! A message as a file, in place of sending it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use serde_json::json;
use uuid::Uuid;

use crate::message::Message;

/// Keeps `message` in `directory`: its bytes as its first server would get them in an `.eml`, and its envelope beside it in a
/// `.json`. Only this user can read them.
///
/// # Errors
/// It could not be written.
pub async fn keep(
    directory: PathBuf,
    message: Message,
    at: DateTime<FixedOffset>,
    id: Uuid,
) -> io::Result<PathBuf> {
    let written = tokio::task::spawn_blocking(move || write(&directory, &message, at, id));
    written.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn write(directory: &Path, message: &Message, at: DateTime<FixedOffset>, id: Uuid) -> io::Result<PathBuf> {
    if !directory.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let name = format!("{}-{}.eml", at.format("%Y%m%d-%H%M%S"), id.simple());
    let file = fs::canonicalize(directory)?.join(name);
    let kept = write_both(&file, message, at);
    if kept.is_err() {
        // Half a mail would look like a whole one.
        for path in [&file, &file.with_extension("json")] {
            let _ = fs::remove_file(path);
        }
    }
    kept.map(|()| file)
}

fn write_both(file: &Path, message: &Message, at: DateTime<FixedOffset>) -> io::Result<()> {
    let create = |path: &Path| OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let variant = message.header_variants.first();
    create(file)?.write_all(&message.eml())?;
    let envelope = json!({
        "file": file,
        "at": at.to_rfc3339(),
        "sender": variant.map(|variant| variant.sender.to_string()),
        "recipients": message.recipients.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    create(&file.with_extension("json"))?.write_all(&serde_json::to_vec_pretty(&envelope)?)
}
