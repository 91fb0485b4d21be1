//! Opening the outbox of the settings.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::clock::Clock;
use crate::config::{ConfigSources, OutboxLocation, load_without_servers};
use crate::outbox::Outbox;

pub(super) const NO_OUTBOX: &str = "SMTP_MCP_OUTBOX: not set, and no home directory is known; set it to sqlite:PATH, or to memory, which \
    keeps nothing when the program ends";

/// The outbox and its file, which is created only if `may_create`.
///
/// # Errors
/// There is none that this program could look into.
pub(super) fn open(origin: &ConfigSources, may_create: bool) -> anyhow::Result<(Outbox, PathBuf)> {
    let location = load_without_servers(origin)?.outbox.context(NO_OUTBOX)?;
    let path = match &location {
        OutboxLocation::File(path) => path.clone(),
        OutboxLocation::Memory => bail!("SMTP_MCP_OUTBOX is memory: only the program that holds it can tell"),
    };
    if !may_create && !path.exists() {
        bail!("there is no outbox at {}: nothing was sent with these settings", path.display());
    }
    let outbox = Outbox::open(&location, Clock::System).map_err(anyhow::Error::msg)?;
    Ok((outbox, path))
}
