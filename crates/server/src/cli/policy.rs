//! `policy explain`: what the rules say about recipients, and by which setting.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::address::{Address, parse_list};
use crate::clock::Clock;
use crate::config::{Config, OutboxLocation};
use crate::mcp::QuotaView;
use crate::outbox::{Outbox, Usage};
use crate::policy::{Decision, Judgement};

/// Options of `policy`.
#[derive(Debug, Clone, Args)]
pub struct PolicyArgs {
    /// What to do
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// What to do with the rules.
#[derive(Debug, Clone, Subcommand)]
pub enum PolicyCommand {
    /// Say what the rules decide about recipients, and why (exit code 0: allow, 1: deny, 5: ask first)
    Explain(ExplainArgs),
}

/// Options of `policy explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// Recipients, such as 'Ada <ada@example.org>, bob@example.org'; may be repeated
    #[arg(long, value_name = "ADDRESS", required = true)]
    pub to: Vec<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Explains, with what the outbox knows of the recipients.
///
/// # Errors
/// A recipient is not an address, or the outbox cannot be read.
pub async fn explain(args: ExplainArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let recipients = recipients(&args.to)?;
    let (judgement, usage) = judge(config, &recipients).await?;
    let quota = QuotaView::of(config.policy.quota(), usage);
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &as_json(config, &judgement, &quota))?;
        writeln!(out)?;
    } else {
        for one in &judgement.recipients {
            let rule = one.verdict.rule.map(|rule| format!(" by {rule}")).unwrap_or_default();
            writeln!(out, "{}: {}{rule}: {}", one.address, one.verdict.decision.word(), one.verdict.reason)?;
        }
        let what = match judgement.decision() {
            Decision::Deny => "a mail to them is refused",
            _ if quota.is_used_up() => "the quota is used up: a mail to them is refused now",
            Decision::Ask => "a mail to them is held until a person approves it",
            Decision::Allow => "a mail to them is allowed",
        };
        writeln!(out, "{what}; {}; SMTP_MODE is {}", quota.line(), config.mode.word())?;
    }
    Ok(ExitCode::from(match judgement.decision() {
        Decision::Allow => 0,
        Decision::Deny => 1,
        Decision::Ask => 5,
    }))
}

fn recipients(given: &[String]) -> anyhow::Result<Vec<Address>> {
    let mut recipients = Vec::new();
    for text in given {
        match parse_list(text) {
            Ok(mailboxes) => recipients.extend(mailboxes.into_iter().map(|mailbox| mailbox.address)),
            Err(errors) => {
                let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
                bail!("--to: {}", errors.join("; "));
            }
        }
    }
    if recipients.is_empty() {
        bail!("--to: no address");
    }
    Ok(recipients)
}

/// An outbox that does not exist yet knows nobody.
async fn judge(config: &Config, recipients: &[Address]) -> anyhow::Result<(Judgement, Usage)> {
    let location = match &config.outbox {
        Some(OutboxLocation::File(path)) if path.exists() => OutboxLocation::File(path.clone()),
        _ => OutboxLocation::Memory,
    };
    let outbox = Outbox::open(&location, Clock::System).map_err(anyhow::Error::msg)?;
    let judgement = outbox.judge(&config.policy, recipients).await;
    let usage = outbox.usage().await;
    outbox.close().await;
    Ok((judgement?, usage?))
}

fn as_json(config: &Config, judgement: &Judgement, quota: &QuotaView) -> serde_json::Value {
    let recipients = judgement.recipients.iter().map(|one| {
        let verdict = &one.verdict;
        json!({
            "address": one.address.to_string(),
            "decision": verdict.decision.word(),
            "rule": verdict.rule,
            "reason": verdict.reason,
        })
    });
    json!({
        "decision": judgement.decision().word(),
        "recipients": recipients.collect::<Vec<_>>(),
        "quota": quota,
        "policy": config.policy.preset.word(),
        "approval": config.policy.approval.word(),
        "mode": config.mode.word(),
    })
}
