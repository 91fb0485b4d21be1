//! `send`: one mail from the command line, by the code of the tool `send_email`; the exit code says how it ended.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgGroup, Args};
use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;

use super::services::Services;
use crate::clock::Clock;
use crate::config::{Config, ConfigErrors, ConfigSources};
use crate::limits::{self, CallLimits};
use crate::mcp::{LocalSend, ToolResult, refused};
use crate::request::{Addresses, AttachmentArgs, SendEmailArgs};

/// Every exit code of `send`, with the state of the mail.
pub const EXIT_CODES: &str = "\
Exit codes, and `state` with --json:
  0  sent     the server accepted the mail for every recipient (also dry_run and captured: SMTP_MODE)
  1  refused  nobody got it: the mail, the settings or the server's reply; the text says why
  2           the command line is wrong; nothing was sent, and there is no JSON
  3  partial  some recipients were refused, the others have it
  4  unknown  the server gave no final answer: it may have been sent
  5  queued   it is kept and sent later (also held, until it is approved): do not send it again

--json prints what send_email returns: success, state, id, message_id, accepted, rejected, pending,
unknown, next_attempt_at, expires_at, details, hints, and error if success is false.";

/// Send one mail, and wait for its outcome
#[derive(Debug, Args)]
#[command(
    after_long_help = EXIT_CODES,
    after_help = "Exit codes: 0 sent, 1 refused, 2 usage, 3 partial, 4 unknown, 5 queued",
    group(ArgGroup::new("text").required(true).args(["body", "body_file"])),
)]
pub struct SendArgs {
    /// A recipient, such as 'Ada <ada@example.org>', or several, separated by commas; may be repeated
    #[arg(long, value_name = "ADDRESS", required = true)]
    to: Vec<String>,
    /// Who gets a copy, as --to
    #[arg(long, value_name = "ADDRESS")]
    cc: Vec<String>,
    /// Who gets a hidden copy, as --to
    #[arg(long, value_name = "ADDRESS")]
    bcc: Vec<String>,
    /// The sender, one of those that the settings allow [default: the server's own]
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// Where replies go, as --to
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Vec<String>,
    /// The subject
    #[arg(long)]
    subject: String,
    /// The text of the mail
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// A file with the text of the mail in UTF-8; - is standard input
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
    /// The text is HTML; a plain text is made from it
    #[arg(long)]
    html: bool,
    /// Files to attach; may be repeated
    #[arg(long, value_name = "FILE", num_args = 1..)]
    attach: Vec<PathBuf>,
    /// Any text: the same mail with the same key is sent once, however often the command runs
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Send although the same mail was sent less than five minutes ago
    #[arg(long)]
    allow_duplicate: bool,
    /// Send it then, up to 90 days ahead, such as 2027-01-31T09:00:00+01:00; a program must be running then
    #[arg(long, value_name = "TIME")]
    send_at: Option<String>,
    /// Send to nobody unless the server accepts every recipient
    #[arg(long)]
    all_or_nothing: bool,
    /// How long to wait for the outcome, 0 to 45 [default: 30]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<f64>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Sends the mail and prints what became of it.
pub async fn send(args: SendArgs, origin: ConfigSources, config: Result<Config, ConfigErrors>) -> ExitCode {
    let as_json = args.json;
    let result = match run(args, origin, config).await {
        Ok(result) => result,
        Err(problem) => refused(format!("{problem:#}")),
    };
    let state = result.body.get("state").and_then(serde_json::Value::as_str).unwrap_or_default();
    if let Err(error) = print(&result, as_json) {
        // What became of the mail does not depend on who reads it.
        warn!("the result cannot be printed: {error}");
    }
    ExitCode::from(exit_code(state))
}

/// `Err`: nothing was sent.
async fn run(
    args: SendArgs,
    origin: ConfigSources,
    config: Result<Config, ConfigErrors>,
) -> anyhow::Result<ToolResult> {
    let config = config?;
    if config.tools.read_only {
        bail!("SMTP_MCP_READ_ONLY is set, so nothing is sent");
    }
    for warning in &config.warnings {
        warn!("{warning}");
    }
    let args = args.read(&config.limits)?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let services = Services::start(origin, config, Clock::System).await?;
    let (upstreams, deliveries) = (services.upstreams.clone(), services.deliveries.clone());
    let mut sending = std::pin::pin!(LocalSend::run(upstreams, deliveries.clone(), args));
    let sent = loop {
        tokio::select! {
            sent = &mut sending => break sent,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // What is known by then is the result.
        deliveries.stop();
        deliveries.shutdown_deadline();
    };
    services.stop().await;
    let result = sent.result().await;
    services.close().await;
    Ok(result)
}

/// The exit code for a state.
fn exit_code(state: &str) -> u8 {
    match state {
        "sent" | "dry_run" | "captured" => 0,
        "partial" => 3,
        "unknown" => 4,
        "queued" | "held" => 5,
        _ => 1,
    }
}

fn print(result: &ToolResult, as_json: bool) -> io::Result<()> {
    match (as_json, result.is_error) {
        (true, _) => {
            let mut out = io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &result.body)?;
            writeln!(out)
        }
        (false, true) => writeln!(io::stderr(), "{}", result.text()),
        (false, false) => writeln!(io::stdout(), "{}", result.text()),
    }
}

impl SendArgs {
    /// The arguments of the tool, with the files read.
    fn read(self, limits: &CallLimits) -> anyhow::Result<SendEmailArgs> {
        let body = match (self.body, self.body_file) {
            (Some(body), _) => body,
            (None, Some(path)) => body_of(&path, limits)?,
            (None, None) => String::new(),
        };
        let attachments: Vec<_> =
            self.attach.iter().map(|path| attachment(path, limits)).collect::<Result<_, _>>()?;
        Ok(SendEmailArgs {
            to: Addresses::One(self.to.join(", ")),
            subject: self.subject,
            body,
            from_email: self.from,
            cc: list(&self.cc),
            bcc: list(&self.bcc),
            reply_to: list(&self.reply_to),
            html: Some(self.html),
            attachments: Some(attachments),
            idempotency_key: self.idempotency_key,
            allow_duplicate: Some(self.allow_duplicate),
            wait_seconds: self.wait,
            send_at: self.send_at,
            all_or_nothing: Some(self.all_or_nothing),
            // Whoever typed the command has the prompt back when it is sent.
            undo_seconds: Some(0.0),
            ..SendEmailArgs::default()
        })
    }
}

fn list(given: &[String]) -> Option<Addresses> {
    (!given.is_empty()).then(|| Addresses::One(given.join(", ")))
}

fn body_of(path: &Path, limits: &CallLimits) -> anyhow::Result<String> {
    let is_stdin = path == Path::new("-");
    let source: &mut dyn Read = if is_stdin { &mut io::stdin() } else { &mut open("--body-file", path)? };
    let bytes = read("--body-file", path, source, limits.body_bytes, "SMTP_MAX_BODY_SIZE_MB")?;
    let text = String::from_utf8(bytes)
        .map_err(|_| anyhow!("--body-file: {} is not text in UTF-8; convert it first", path.display()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The person who runs the command may attach any file, so it is not looked up in SMTP_ATTACHMENT_DIRS.
fn attachment(path: &Path, limits: &CallLimits) -> anyhow::Result<AttachmentArgs> {
    let name = path.file_name().with_context(|| format!("--attach: {} is not a file", path.display()))?;
    let mut file = open("--attach", path)?;
    let limit = limits.attachment_bytes;
    let bytes = read("--attach", path, &mut file, limit, "SMTP_MAX_ATTACHMENT_SIZE_MB")?;
    Ok(AttachmentArgs {
        content: Some(STANDARD.encode(bytes)),
        filename: Some(name.to_string_lossy().into_owned()),
        ..AttachmentArgs::default()
    })
}

fn open(option: &str, path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("{option}: {} cannot be read", path.display()))
}

fn read(
    option: &str,
    path: &Path,
    source: &mut dyn Read,
    limit: usize,
    variable: &str,
) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    source
        .take(most)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{option}: {} cannot be read", path.display()))?;
    if bytes.len() > limit {
        let (path, limit) = (path.display(), limits::size(limit));
        return Err(anyhow!("{option}: {path} is larger than {limit}, the limit ({variable})"));
    }
    Ok(bytes)
}
