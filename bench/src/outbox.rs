//! The outbox: what it takes and gives out a second, beside a raw append that is synced; and a call with and without a disk.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use serde_json::{Value, json};
use smtp_mcp_server::address::Address;
use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::config::{Account, OnUnknown, OutboxLimits, OutboxLocation};
use smtp_mcp_server::message::{ContentType, Digest, HeaderVariant, Message, MessageInfo};
use smtp_mcp_server::outbox::{Enqueued, NewMessage, Outbox, Principal, Schedule};
use smtp_mcp_server::outcome::{RecipientOutcome, RecipientStatus};
use smtp_mcp_server::policy::Quota;
use smtp_submission::CommitPoint;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::mail_server::MailServer;
use crate::process::{Between, Process, Program};
use crate::sample::{Sample, interleaved};
use crate::table::{Table, rounded, spread};
use crate::{kernel, progress, stdio, stopwatch};

/// Length of the content.
const SIZE: usize = 2000;
/// Callers at the same time, and how many messages each has a round; the aim.
const CALLERS: [(usize, usize, &str); 3] = [(1, 300, "0.45"), (16, 60, "0.1"), (64, 30, "0.04")];
const ROUNDS: usize = 9;
/// Raw appends a round.
const APPENDS: usize = 300;
/// Calls of `send_email`.
const CALLS: usize = 1000;

/// Measures everything; Markdown.
pub(crate) fn measure() -> Result<String> {
    let before = kernel::load();
    let tables = [store()?, calls()?];
    let head = format!("{}; load {before} before and {} after.", kernel::machine(), kernel::load());
    Ok(format!("{head}\n\n{}", tables.join("\n")))
}

fn store() -> Result<String> {
    let head = ["2 kB messages", "callers", "aim", "a second", "raw append and fdatasync, a second", "ratio"];
    let mut table = Table::new(&head);
    for (callers, each, aim) in CALLERS {
        progress(&format!("the outbox with {callers} callers"));
        let directory = tempfile::tempdir()?;
        let bench = Bench::new(directory.path())?;
        let [enqueue, deliver, raw] = interleaved::<_, 3>(ROUNDS, |contestant| match contestant {
            0 => bench.rate(callers, each, false),
            1 => bench.rate(callers, each, true),
            _ => raw_rate(directory.path()),
        })?
        .map(|rates| Sample::of(&rates, |rate| *rate));
        for (what, rates, aim) in [("taken", &enqueue, aim), ("taken, claimed and recorded", &deliver, "")] {
            let ratio = rates.with(&raw, |own, raw| own / raw);
            let callers = callers.to_string();
            table.row(&[what, &callers, aim, &spread(rates, 0), &spread(&raw, 0), &spread(&ratio, 3)]);
        }
    }
    Ok(table.into_text())
}

/// Appends of the size of a message, each synced, a second.
fn raw_rate(directory: &Path) -> Result<f64> {
    let mut file = File::options().create(true).append(true).open(directory.join("raw"))?;
    let bytes = vec![b'x'; SIZE];
    let (took, done) = stopwatch::time(|| -> Result<()> {
        for _ in 0..APPENDS {
            file.write_all(&bytes)?;
            file.sync_data()?;
        }
        Ok(())
    });
    done?;
    Ok(APPENDS as f64 / took.as_secs_f64())
}

/// A message with a content of so many bytes.
pub(crate) fn message(size: usize) -> Result<Message> {
    let address = |text| Address::parse(text).map_err(|_| anyhow!("{text}"));
    let header = Bytes::from_static(b"From: <me@example.org>\r\n");
    let message = Message {
        message_id: "<1@example.org>".to_owned(),
        recipients: vec![address("ada@example.org")?],
        sender_chosen: false,
        header_variants: vec![HeaderVariant { sender: address("me@example.org")?, header }],
        content: vec![b'x'; size].into(),
        needs_smtputf8: false,
        digest: Digest::default(),
        info: MessageInfo { content_type: ContentType::Plain, attachments: 0 },
    };
    Ok(message.sealed())
}

/// To be taken, with an id of its own.
pub(crate) fn new_message(message: &Arc<Message>) -> NewMessage {
    NewMessage {
        id: Uuid::new_v4(),
        message: Arc::clone(message),
        subject: "Measured".to_owned(),
        request: message.digest,
        accounts: vec![Account([0; 32])],
        principal: Principal::Local,
        idempotency_key: None,
        allow_duplicate: true,
        on_unknown: OnUnknown::Manual,
        quota: Quota::default(),
        hold: None,
        schedule: Schedule::Now,
        all_or_nothing: false,
        limits: OutboxLimits::default(),
    }
}

struct Bench {
    runtime: Runtime,
    outbox: Outbox,
    message: Arc<Message>,
}

impl Bench {
    fn new(directory: &Path) -> Result<Self> {
        let location = OutboxLocation::File(directory.join("outbox.db"));
        Ok(Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
            outbox: Outbox::open(&location, Clock::System).map_err(|problem| anyhow!(problem))?,
            message: Arc::new(message(SIZE)?),
        })
    }

    /// Messages a second.
    fn rate(&self, callers: usize, each: usize, to_the_end: bool) -> Result<f64> {
        let (took, done) = stopwatch::time(|| {
            self.runtime.block_on(async {
                let calls: Vec<_> = (0..callers)
                    .map(|_| {
                        tokio::spawn(run(self.outbox.clone(), Arc::clone(&self.message), each, to_the_end))
                    })
                    .collect();
                for call in calls {
                    call.await??;
                }
                anyhow::Ok(())
            })
        });
        done?;
        Ok((callers * each) as f64 / took.as_secs_f64())
    }
}

/// One caller.
async fn run(outbox: Outbox, message: Arc<Message>, messages: usize, to_the_end: bool) -> Result<()> {
    for _ in 0..messages {
        let Enqueued::New(queued) = outbox.enqueue(new_message(&message)).await? else {
            bail!("a duplicate")
        };
        if !to_the_end {
            continue;
        }
        let Some(claim) = outbox.claim(&queued, &CommitPoint::new()).await? else { bail!("not claimed") };
        let accepted = RecipientOutcome {
            status: RecipientStatus::Accepted,
            code: Some(250),
            reply: Some("taken".to_owned()),
            ..RecipientOutcome::open(message.recipients[0].clone())
        };
        outbox.record(claim, &[accepted], std::time::Duration::ZERO).await.map_err(|(_, error)| error)?;
    }
    Ok(())
}

/// `send_email` with the outbox on a file and in memory.
fn calls() -> Result<String> {
    progress("calls with and without a disk");
    let server = MailServer::start()?;
    let mut processes = Vec::new();
    let mut clients = Vec::new();
    for location in [None, Some("memory")] {
        let mut settings = server.settings();
        settings.extend(location.map(|location| ("SMTP_MCP_OUTBOX", location.to_owned())));
        let (process, streams) = Process::with_client(Program::Ours, &settings, Between::Pipes)?;
        processes.push(process);
        clients.push(stdio::Client::begin(streams)?);
    }
    let mail: Value = json!({
        "to": "grace@example.org", "subject": "Measured", "body": "x".repeat(SIZE), "allow_duplicate": true,
    });
    for client in &mut clients {
        client.call("send_email", &mail)?;
    }
    let results = interleaved::<_, 2>(CALLS, |contestant| {
        let (took, sent) = stopwatch::time(|| clients[contestant].call("send_email", &mail).map(drop));
        sent?;
        Ok(took.as_secs_f64() * 1e3)
    })?;
    let mut table = Table::new(&["`send_email`, text of 2 kB", "p50, ms", "p99, ms"]);
    for (name, took) in ["outbox on a file", "outbox in memory"].into_iter().zip(results) {
        let sample = Sample::of(&took, |took| *took);
        table.row(&[name, &rounded(sample.median(), 3), &rounded(sample.quantile(99), 3)]);
    }
    drop(processes);
    Ok(table.into_text())
}
