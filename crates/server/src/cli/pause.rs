//! `pause` and `resume`: the switch that stops all sending, which no tool can lift.

use std::io::{self, Write as _};
use std::process::ExitCode;

use chrono::SecondsFormat;

use super::open_outbox::open;
use crate::config::ConfigSources;

/// Stops all sending from this outbox. Mails are still taken, and wait.
///
/// # Errors
/// There is no outbox, or it cannot be written.
pub async fn pause(origin: &ConfigSources) -> anyhow::Result<ExitCode> {
    let (outbox, _) = open(origin, true)?;
    let since = outbox.pause().await;
    let stats = outbox.stats().await;
    outbox.close().await;
    let (since, stats) = (since?.to_rfc3339_opts(SecondsFormat::Secs, true), stats?);
    let mut out = io::stdout().lock();
    writeln!(out, "paused since {since}: nothing is sent until `resume`; mails waiting: {}", stats.queued)?;
    if stats.sending > 0 {
        writeln!(
            out,
            "mails whose sending had begun, and which cannot be stopped any more: {}",
            stats.sending
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Goes on sending.
///
/// # Errors
/// There is no outbox, or it cannot be written.
pub async fn resume(origin: &ConfigSources) -> anyhow::Result<ExitCode> {
    let (outbox, _) = open(origin, false)?;
    let was_paused = outbox.resume().await;
    let stats = outbox.stats().await;
    outbox.close().await;
    let what = if was_paused? { "resumed" } else { "it was not paused" };
    writeln!(io::stdout(), "{what}; mails waiting: {}", stats?.queued)?;
    Ok(ExitCode::SUCCESS)
}
