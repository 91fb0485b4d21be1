//! `outbox`: what is in the outbox, and sending what waits in it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::approve::{ApproveArgs, RejectArgs, approve, reject};
use super::open_outbox::{NO_OUTBOX, open};
use super::outbox_change::{CancelArgs, ExportArgs, PurgeArgs, RetryArgs, cancel, export, purge};
use crate::clock::Clock;
use crate::config::{Config, ConfigSources};
use crate::delivery::Deliveries;
use crate::mcp::{EmailView, EventView, email_line, reason};
use crate::outbox::{Filter, Integrity, Outbox, Stats};
use crate::outcome::State;
use crate::upstream::Upstreams;

/// The exit code of `drain` while mails are left: a temporary failure (sysexits.h).
const TEMPORARY_FAILURE: u8 = 75;

/// How often `drain` looks whether it is done.
const DRAIN_TICK: Duration = Duration::from_millis(200);

/// How long `drain` lets what is in progress go on after its time.
const DRAIN_GRACE_PERIOD: Duration = Duration::from_secs(5);

/// Options of `outbox`.
#[derive(Debug, Clone, ClapArgs)]
pub struct OutboxArgs {
    /// What to do
    #[command(subcommand)]
    pub command: OutboxCommand,
}

/// What to do with the outbox.
#[derive(Debug, Clone, Subcommand)]
pub enum OutboxCommand {
    /// List mails, newest first
    List(ListArgs),
    /// Show one mail: its recipients and its history
    Show(ShowArgs),
    /// Show a mail that is held for approval, and send it
    Approve(ApproveArgs),
    /// Cancel a mail that is held for approval
    Reject(RejectArgs),
    /// Cancel a mail that waits (exit code 1 if it is too late)
    Cancel(CancelArgs),
    /// Queue a mail again for those who did not get it, or may not have
    Retry(RetryArgs),
    /// Write a mail as it is or was sent
    Export(ExportArgs),
    /// Delete what was kept long enough
    Purge(PurgeArgs),
    /// Send everything that waits now, and wait for it (exit code 0 if nothing is left, 75 otherwise)
    Drain(DrainArgs),
    /// Check the file, and count the mails by state (exit code 1 if it is damaged)
    Check,
    /// Queue what is held because the file was copied or restored: some of it may have been sent already
    Adopt,
}

/// Options of `outbox list`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ListArgs {
    /// Only mails in this state: queued, held, sending, unknown, sent, partial, refused, cancelled
    #[arg(long, value_parser = parse_state)]
    pub state: Option<State>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
    /// As a JSON array
    #[arg(long)]
    pub json: bool,
}

/// Options of `outbox show`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ShowArgs {
    /// The id, as `outbox list` and send_email print it
    pub id: Uuid,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `outbox drain`.
#[derive(Debug, Clone, ClapArgs)]
pub struct DrainArgs {
    /// How long to wait for mails that are deferred, in seconds
    #[arg(long, default_value_t = 60)]
    pub timeout: u64,
}

fn parse_state(word: &str) -> Result<State, String> {
    State::parse(word).ok_or_else(|| format!("expected one of {}", State::ALL.map(State::word).join(", ")))
}

/// Lists, shows or checks.
///
/// # Errors
/// There is no outbox, or it cannot be read.
pub async fn inspect(command: OutboxCommand, origin: &ConfigSources) -> anyhow::Result<ExitCode> {
    let (outbox, path) = open(origin, false)?;
    let done = match command {
        OutboxCommand::List(args) => list(&outbox, args).await,
        OutboxCommand::Show(args) => show(&outbox, &args).await,
        OutboxCommand::Cancel(args) => cancel(&outbox, &args).await,
        OutboxCommand::Export(args) => export(&outbox, &args).await,
        OutboxCommand::Purge(args) => purge(&outbox, &args, origin).await,
        OutboxCommand::Check | OutboxCommand::Drain(_) | OutboxCommand::Retry(_) => {
            check(&outbox, &path).await
        }
        OutboxCommand::Adopt => adopt(&outbox).await,
        OutboxCommand::Approve(args) => approve(&outbox, &path, &args).await,
        OutboxCommand::Reject(args) => reject(&outbox, &path, args).await,
    };
    outbox.close().await;
    done
}

async fn list(outbox: &Outbox, args: ListArgs) -> anyhow::Result<ExitCode> {
    let filter = Filter { state: args.state, limit: args.limit, ..Filter::default() };
    let emails = outbox.list(filter).await?;
    let mut out = io::stdout().lock();
    if args.json {
        let emails: Vec<_> = emails.iter().map(EmailView::of).collect();
        serde_json::to_writer_pretty(&mut out, &emails)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = Clock::System.now().to_utc();
    for email in &emails {
        writeln!(out, "{}", email_line(email, now))?;
    }
    if emails.is_empty() {
        writeln!(out, "no mails")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(outbox: &Outbox, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let email = outbox.get(args.id, None).await?;
    let email = email.with_context(|| format!("there is no mail with the id {}", args.id.simple()))?;
    let history = outbox.history(args.id).await?;
    let mut out = io::stdout().lock();
    if args.json {
        let history: Vec<_> = history.into_iter().map(EventView::of).collect();
        let all = json!({ "email": EmailView::of(&email), "history": history });
        serde_json::to_writer_pretty(&mut out, &all)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{}", email_line(&email, Clock::System.now().to_utc()))?;
    writeln!(out, "From {}, Message-ID {}, {} bytes", email.sender, email.message_id, email.size)?;
    for recipient in email.recipients.iter().filter(|one| !one.reason.is_empty() || one.reply.is_some()) {
        writeln!(out, "{}: {}", recipient.address, reason(recipient))?;
    }
    for event in history {
        let detail = event.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        writeln!(out, "{} {}{detail}", event.at.to_rfc3339(), event.kind)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(outbox: &Outbox, path: &Path) -> anyhow::Result<ExitCode> {
    let integrity = outbox.check().await?;
    if !integrity.problems.is_empty() {
        return damaged(&integrity, path);
    }
    let stats = outbox.stats().await?;
    let mut out = io::stdout().lock();
    let counts = integrity.counts.iter().map(|(state, count)| format!("{count} {}", state.word()));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let counts = if counts.is_empty() { "no mails".to_owned() } else { counts };
    writeln!(out, "{}: sound; {counts}", path.display())?;
    if let Some(oldest) = stats.oldest {
        writeln!(out, "the oldest mail that waits is of {}", oldest.to_rfc3339())?;
    }
    if stats.unserved > 0 {
        writeln!(
            out,
            "no program that is running has an account for {} of the mails that wait",
            stats.unserved
        )?;
    }
    writeln_held(&mut out, &stats)?;
    for process in outbox.processes()? {
        writeln!(out, "in use by {process}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is wrong with the file, and what to do.
fn damaged(integrity: &Integrity, path: &Path) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for problem in &integrity.problems {
        writeln!(out, "damaged: {problem}")?;
    }
    writeln!(
        out,
        "{0}: damaged; stop all programs that use it, and keep a copy: `outbox list` and `outbox export` may still read some mails, and \
         `sqlite3 {0} .recover` reads what is left. Then restore a backup, or set SMTP_MCP_OUTBOX to a new file",
        path.display()
    )?;
    Ok(ExitCode::FAILURE)
}

/// About mails that wait for a person.
fn writeln_held(out: &mut impl Write, stats: &Stats) -> io::Result<()> {
    if let Some(since) = stats.paused_since {
        writeln!(out, "paused since {}: nothing is sent until `resume`", since.to_rfc3339())?;
    }
    if stats.awaiting_approval > 0 {
        let count = stats.awaiting_approval;
        writeln!(
            out,
            "held for approval: {count}; see `outbox list --state held` and `outbox approve --help`"
        )?;
    }
    let copied = stats.held - stats.awaiting_approval;
    if copied > 0 {
        writeln!(
            out,
            "held, because the outbox was copied or restored: {copied}; see `outbox adopt --help`"
        )?;
    }
    Ok(())
}

async fn adopt(outbox: &Outbox) -> anyhow::Result<ExitCode> {
    let adopted = outbox.adopt().await?;
    writeln!(io::stdout(), "mails that were held and are now queued: {adopted}")?;
    Ok(ExitCode::SUCCESS)
}

/// Sends everything that waits for the configured accounts, and waits for what is deferred.
///
/// # Errors
/// The outbox cannot be used.
pub async fn drain(args: &DrainArgs, origin: ConfigSources, config: Config) -> anyhow::Result<ExitCode> {
    let location = config.outbox.clone().context(NO_OUTBOX)?;
    let outbox = Outbox::open(&location, Clock::System).map_err(anyhow::Error::msg)?;
    let upstreams = Arc::new(Upstreams::new(origin, config, Clock::System)?);
    let deliveries = Deliveries::new(outbox.clone(), Arc::clone(&upstreams), Clock::System);
    outbox.recover().await?;
    let waiting = outbox.waiting().await?;
    outbox.make_due().await?;
    let running = tokio::spawn({
        let deliveries = deliveries.clone();
        async move { deliveries.run().await }
    });
    let deadline = Instant::now() + Duration::from_secs(args.timeout);
    let mut left = waiting;
    while left > 0 && Instant::now() < deadline {
        sleep(DRAIN_TICK).await;
        left = outbox.waiting().await?;
    }
    deliveries.finish(DRAIN_GRACE_PERIOD).await;
    running.await?;
    let left = outbox.waiting().await?;
    let stats = outbox.stats().await?;
    outbox.close().await;
    upstreams.drain().await;
    let mut out = io::stdout().lock();
    writeln!(out, "mails that waited: {waiting}; left: {left}")?;
    writeln_held(&mut out, &stats)?;
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::from(TEMPORARY_FAILURE) })
}
