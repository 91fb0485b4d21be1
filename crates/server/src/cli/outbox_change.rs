//! `outbox cancel`, `outbox retry`, `outbox purge` and `outbox export`: what a person does about mails in the outbox.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use super::open_outbox::open;
use crate::clock::Clock;
use crate::config::{Config, ConfigSources, Mode, Retention, load_without_servers};
use crate::mcp::{Cancellation, EmailView, retry_refusal};
use crate::outbox::{Cancelled, Email, Outbox, Retried, Retry};
use crate::request::{Addresses, addresses};
use crate::upstream::{Upstreams, accounts_for};

/// Options of `outbox cancel`.
#[derive(Debug, Clone, Args)]
pub struct CancelArgs {
    /// The id, as `outbox list` and send_email print it
    pub id: Uuid,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `outbox retry`.
#[derive(Debug, Clone, Args)]
pub struct RetryArgs {
    /// The id, as `outbox list` and send_email print it
    pub id: Uuid,
    /// Only this recipient; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub to: Vec<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `outbox purge`.
#[derive(Debug, Clone, Args)]
pub struct PurgeArgs {
    /// Delete contents that are older than this, instead of SMTP_KEEP_CONTENT_DAYS
    #[arg(long, value_name = "DAYS")]
    pub content_days: Option<u32>,
    /// Delete records that are older than this, instead of SMTP_KEEP_RECORD_DAYS
    #[arg(long, value_name = "DAYS")]
    pub record_days: Option<u32>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `outbox export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The id, as `outbox list` and send_email print it
    pub id: Uuid,
    /// The mail as its first server gets it, without the Bcc addresses (this is the default)
    #[arg(long, conflicts_with = "json")]
    pub eml: bool,
    /// As JSON: the envelope with the Bcc addresses, and the mail in base64
    #[arg(long)]
    pub json: bool,
    /// Where to; it must not exist [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Cancels a mail that waits.
pub(super) async fn cancel(outbox: &Outbox, args: &CancelArgs) -> anyhow::Result<ExitCode> {
    // What a dead program was sending is not being sent.
    outbox.recover().await?;
    let cancelled = outbox.cancel(args.id, None).await?;
    if cancelled == Cancelled::NotFound {
        bail!("there is no mail with the id {}", args.id.simple());
    }
    let email = outbox.get(args.id, None).await?.context("the mail is gone")?;
    let Cancellation { text, is_too_late } = Cancellation::of(cancelled, &email);
    print(args.json, &text, &of_email(!is_too_late, &email))?;
    Ok(ExitCode::from(u8::from(is_too_late)))
}

/// Queues a mail again for those who did not get it.
///
/// # Errors
/// There is nothing to retry, or the outbox cannot be used.
pub async fn retry(args: &RetryArgs, origin: ConfigSources, config: Config) -> anyhow::Result<ExitCode> {
    if config.mode != Mode::Live {
        bail!("nothing is sent again while SMTP_MODE is {}", config.mode.word());
    }
    let only = match args.to.as_slice() {
        [] => Vec::new(),
        to => addresses("--to", &Addresses::Many(to.to_vec()))?,
    };
    let (outbox, _) = open(&origin, false)?;
    outbox.recover().await?;
    let quota = config.policy.quota();
    let servers = Upstreams::new(origin, config, Clock::System)?.snapshot();
    let message = outbox.message(args.id).await?;
    let accounts = message.map(|message| accounts_for(&servers, &message)).unwrap_or_default();
    let retried = outbox.retry(Retry { id: args.id, principal: None, only, accounts, quota }).await?;
    let done = tell_retried(&outbox, args, &retried).await;
    outbox.close().await;
    done
}

async fn tell_retried(outbox: &Outbox, args: &RetryArgs, retried: &Retried) -> anyhow::Result<ExitCode> {
    if let Some(refusal) = retry_refusal(outbox, args.id, None, retried).await? {
        let body = json!({ "success": false, "error": refusal });
        return if args.json {
            print(true, "", &body).map(|()| ExitCode::FAILURE)
        } else {
            bail!("{refusal}")
        };
    }
    let email = outbox.get(args.id, None).await?.context("the mail is gone")?;
    let text = if email.is_unserved {
        "queued again; no program that is running has an account that can send it: it is sent when one runs, or by `outbox drain`"
    } else {
        "queued again; a program that is running sends it"
    };
    print(args.json, text, &of_email(true, &email))?;
    Ok(ExitCode::SUCCESS)
}

/// Deletes what was kept long enough.
pub(super) async fn purge(
    outbox: &Outbox,
    args: &PurgeArgs,
    origin: &ConfigSources,
) -> anyhow::Result<ExitCode> {
    let kept = load_without_servers(origin)?.retention;
    let days = |days: Option<u32>, kept| days.map_or(kept, |days| Duration::from_hours(24) * days);
    let retention = Retention {
        content: days(args.content_days, kept.content),
        record: days(args.record_days, kept.record),
    };
    let purged = outbox.purge(retention).await?;
    let text = format!("deleted contents: {}, records: {}", purged.contents, purged.records);
    print(args.json, &text, &serde_json::to_value(purged)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a mail as it is or was sent.
pub(super) async fn export(outbox: &Outbox, args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let id = args.id.simple();
    let email =
        outbox.get(args.id, None).await?.with_context(|| format!("there is no mail with the id {id}"))?;
    let message = outbox.message(args.id).await?;
    let message = message.with_context(|| {
        format!("the content of the mail {id} is no longer kept (SMTP_KEEP_CONTENT_DAYS)")
    })?;
    let mut bytes = message.eml();
    if args.json {
        let recipients: Vec<_> = message.recipients.iter().map(ToString::to_string).collect();
        let all = json!({ "id": id.to_string(), "sender": email.sender, "recipients": recipients, "eml": STANDARD.encode(&bytes) });
        bytes = serde_json::to_vec_pretty(&all)?;
        bytes.push(b'\n');
    }
    match &args.output {
        None => io::stdout().lock().write_all(&bytes)?,
        Some(path) => {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            let written = file.and_then(|mut file| file.write_all(&bytes));
            written.with_context(|| path.display().to_string())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn of_email(success: bool, email: &Email) -> Value {
    json!({ "success": success, "state": email.state.word(), "email": EmailView::of(email) })
}

fn print(as_json: bool, text: &str, body: &Value) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        serde_json::to_writer_pretty(&mut out, body)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{text}")?;
    }
    Ok(())
}
