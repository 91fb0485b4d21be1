//! The outbox with up to a million finished messages in it: what each operation costs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use rusqlite::Connection;
use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::config::{OutboxLocation, Retention};
use smtp_mcp_server::outbox::{Enqueued, Filter, NewMessage, Outbox, Principal};
use smtp_mcp_server::outcome::{RecipientOutcome, RecipientStatus, State};
use smtp_submission::CommitPoint;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::outbox::{message, new_message};
use crate::table::Table;
use crate::{kernel, progress, stopwatch};

/// The first thousand really passed through the outbox; from there on they are copied, without their contents.
const REAL: usize = 1000;
const SIZES: [usize; 4] = [REAL, 10_000, 100_000, 1_000_000];
const ROUNDS: usize = 200;
const OPERATIONS: [&str; 8] = [
    "enqueue",
    "claim",
    "record",
    "look-up of a key",
    "list, a page",
    "list, refused",
    "list, of one recipient",
    "purge of one content",
];
/// The aim, in milliseconds.
const MOST: f64 = 5.0;

/// Measures each operation at each size; Markdown, with a plot.
pub(crate) fn measure(plot: Option<&Path>) -> Result<String> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("outbox.db");
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut medians: Vec<Vec<f64>> = Vec::new();
    for size in SIZES {
        progress(&format!("the outbox with {size} finished messages"));
        fill(&path, size, &runtime)?;
        let outbox = open(&path)?;
        medians.push(runtime.block_on(at_size(&outbox))?);
        runtime.block_on(outbox.leave());
    }
    if let Some(file) = plot {
        std::fs::write(file, svg(&medians))?;
    }
    let sizes = SIZES.map(|size| size.to_string());
    let head: Vec<&str> = ["ms, median", "aim"].into_iter().chain(sizes.iter().map(String::as_str)).collect();
    let mut table = Table::new(&head);
    for (operation, name) in OPERATIONS.iter().enumerate() {
        let cells: Vec<String> = medians.iter().map(|at| format!("{:.3}", at[operation])).collect();
        let aim = format!("< {MOST}");
        let row: Vec<&str> = [*name, &aim].into_iter().chain(cells.iter().map(String::as_str)).collect();
        table.row(&row);
    }
    Ok(format!("{}.\n\n{}", kernel::machine(), table.into_text()))
}

fn open(path: &Path) -> Result<Outbox> {
    let location = OutboxLocation::File(PathBuf::from(path));
    Outbox::open(&location, Clock::System).map_err(|problem| anyhow!(problem))
}

/// Fills the outbox up to so many finished messages.
fn fill(path: &Path, size: usize, runtime: &Runtime) -> Result<()> {
    if !path.exists() {
        let outbox = open(path)?;
        runtime.block_on(async {
            for number in 0..REAL {
                let new = keyed(number)?;
                let (queued, id) = taken(outbox.enqueue(new).await?)?;
                end(&outbox, queued, id).await?;
            }
            outbox.leave().await;
            anyhow::Ok(())
        })?;
        return Ok(());
    }
    let db = Connection::open(path)?;
    db.execute_batch("PRAGMA synchronous = OFF")?;
    loop {
        let (count, most): (usize, i64) =
            db.query_row("SELECT count(*), max(seq) FROM message", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if count >= size {
            return Ok(db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?);
        }
        let limit = count.min(size - count);
        db.execute_batch(&copy(most, limit))?;
    }
}

/// Copies the first `limit` messages with new ids and keys. Every hundredth is refused.
fn copy(most: i64, limit: usize) -> String {
    format!(
        "BEGIN;
         CREATE TEMP TABLE IF NOT EXISTS chosen(seq INTEGER PRIMARY KEY); DELETE FROM chosen;
         INSERT INTO chosen SELECT seq FROM message ORDER BY seq LIMIT {limit};
         INSERT INTO message SELECT seq + {most}, randomblob(16), lane, iif(seq % 100 = 0, 'refused', state), created_ms, due_ms,
             expires_ms, ended_ms, principal, 'copy ' || (seq + {most}), randomblob(32), message_id, sender, subject, size,
             content_type, attachments, attempts, token, owner, taken_by, on_unknown, send_at_ms, all_or_nothing, stop, digest
             FROM message JOIN chosen USING (seq);
         INSERT INTO recipient SELECT seq + {most}, n, 'r' || (seq + {most}) || '@example.org', status, doubt, phase, code,
             enhanced_code, reply, reason, server, host, updated_ms FROM recipient JOIN chosen USING (seq);
         INSERT INTO event SELECT seq + {most}, n, at_ms, kind, detail FROM event JOIN chosen USING (seq);
         COMMIT;"
    )
}

fn keyed(number: usize) -> Result<NewMessage> {
    let message = Arc::new(message(2000)?);
    Ok(NewMessage {
        idempotency_key: Some(format!("key {number} {}", Uuid::new_v4())),
        ..new_message(&message)
    })
}

fn taken(enqueued: Enqueued) -> Result<(smtp_mcp_server::outbox::Queued, Uuid)> {
    match enqueued {
        Enqueued::New(queued) => Ok((queued, queued.id)),
        other => bail!("{other:?}"),
    }
}

async fn end(outbox: &Outbox, queued: smtp_mcp_server::outbox::Queued, id: Uuid) -> Result<()> {
    let claim = outbox.claim(&queued, &CommitPoint::new()).await?.ok_or_else(|| anyhow!("no claim"))?;
    let email = outbox.get(id, None).await?.ok_or_else(|| anyhow!("it is gone"))?;
    let outcomes: Vec<_> = email.recipients.into_iter().map(accepted).collect();
    outbox.record(claim, &outcomes, Duration::ZERO).await.map_err(|(_, error)| error)?;
    Ok(())
}

fn accepted(recipient: RecipientOutcome) -> RecipientOutcome {
    RecipientOutcome {
        status: RecipientStatus::Accepted,
        code: Some(250),
        reply: Some("ok".to_owned()),
        ..recipient
    }
}

/// The medians of [`OPERATIONS`], in milliseconds.
async fn at_size(outbox: &Outbox) -> Result<Vec<f64>> {
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); OPERATIONS.len()];
    for number in 0..ROUNDS {
        let new = keyed(number)?;
        let again = NewMessage { id: Uuid::new_v4(), ..new.clone() };
        let recipient = new.message.recipients[0].to_string();
        let (took, enqueued) = stopwatch::time_async(outbox.enqueue(new)).await;
        times[0].push(took.as_secs_f64());
        let (queued, id) = taken(enqueued?)?;
        let (took, claim) = stopwatch::time_async(outbox.claim(&queued, &CommitPoint::new())).await;
        times[1].push(took.as_secs_f64());
        let claim = claim?.ok_or_else(|| anyhow!("no claim"))?;
        let email = outbox.get(id, None).await?.ok_or_else(|| anyhow!("it is gone"))?;
        let outcomes: Vec<_> = email.recipients.into_iter().map(accepted).collect();
        let (took, recorded) = stopwatch::time_async(outbox.record(claim, &outcomes, Duration::ZERO)).await;
        times[2].push(took.as_secs_f64());
        recorded.map_err(|(_, error)| error)?;
        let (took, found) = stopwatch::time_async(outbox.enqueue(again)).await;
        times[3].push(took.as_secs_f64());
        if found? != Enqueued::Earlier(id) {
            bail!("the key was not found");
        }
        let page = Filter { principal: Some(Principal::Local), limit: 21, ..Filter::default() };
        let refused = Filter { state: Some(State::Refused), ..page.clone() };
        let of_one = Filter { recipient: Some(format!("r7{recipient}")), ..page.clone() };
        for (place, filter) in [(4, page), (5, refused), (6, of_one)] {
            let (took, found) = stopwatch::time_async(outbox.list(filter)).await;
            times[place].push(took.as_secs_f64());
            found?;
        }
        let nothing = Retention { content: Duration::ZERO, ..Retention::default() };
        let (took, purged) = stopwatch::time_async(outbox.purge(nothing)).await;
        times[7].push(took.as_secs_f64());
        purged?;
    }
    Ok(times.into_iter().map(median).collect())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2] * 1000.0
}

/// A line for each operation over the size, both on a logarithmic scale.
fn svg(medians: &[Vec<f64>]) -> String {
    const COLOURS: [&str; 8] =
        ["#1f6feb", "#2da44e", "#bf3989", "#9a6700", "#cf222e", "#8250df", "#57606a", "#0a7ea4"];
    let (width, height, left, top) = (720.0, 360.0, 60.0, 20.0);
    let x = |at: usize| left + at as f64 * (width - left - 190.0) / (SIZES.len() - 1) as f64;
    let y = |ms: f64| top + (1.0 - (ms.max(0.01).log10() + 2.0) / 3.0) * (height - top - 40.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    for ms in [0.01, 0.1, 1.0, 5.0, 10.0] {
        svg += &format!(
            "<line x1=\"{left}\" x2=\"{0:.0}\" y1=\"{1:.0}\" y2=\"{1:.0}\" stroke=\"{2}\"/><text x=\"4\" y=\"{3:.0}\">{ms} ms</text>\n",
            width - 190.0,
            y(ms),
            if ms == MOST { "#cf222e" } else { "#d0d7de" },
            y(ms) + 4.0
        );
    }
    for (at, size) in SIZES.iter().enumerate() {
        svg += &format!(
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{size}</text>\n",
            x(at),
            height - 20.0
        );
    }
    for (operation, name) in OPERATIONS.iter().enumerate() {
        let points: Vec<_> = medians
            .iter()
            .enumerate()
            .map(|(at, ms)| format!("{:.0},{:.1}", x(at), y(ms[operation])))
            .collect();
        svg += &format!(
            "<polyline fill=\"none\" stroke=\"{0}\" stroke-width=\"2\" points=\"{1}\"/><text x=\"{2:.0}\" y=\"{3:.0}\" fill=\"{0}\">{name}</text>\n",
            COLOURS[operation],
            points.join(" "),
            width - 180.0,
            40.0 + operation as f64 * 18.0
        );
    }
    svg + "</svg>\n"
}
