//! The most memory that the program has while it sends a large attachment.

use std::fs;

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::kernel::{self, Memory};
use crate::mail_server::MailServer;
use crate::process::{Between, Process, Program};
use crate::sample::{Sample, interleaved};
use crate::table::{Table, rounded, spread};
use crate::{progress, stdio};

const ROUNDS: usize = 5;
/// Consecutive mails of one process, to show what earlier ones leave behind.
const MAILS: usize = 5;
const SIZE: usize = 20_000_000;
const NAME: &str = "large.bin";

struct Sent {
    first: Memory,
    last: Memory,
}

pub(super) fn measure() -> Result<String> {
    progress("memory with a large attachment");
    let server = MailServer::start()?;
    let folder = tempfile::tempdir()?;
    let bytes = noise();
    fs::write(folder.path().join(NAME), &bytes)?;
    let mut settings = server.settings();
    settings.push(("SMTP_ATTACHMENT_DIRS", folder.path().display().to_string()));

    let ways =
        [json!({ "path": NAME }), json!({ "filename": NAME, "content": BASE64_STANDARD.encode(&bytes) })];
    let results = interleaved::<_, 2>(ROUNDS, |way| {
        let sent = send(&settings, &ways[way])?;
        let arrived = server.last_mail()?.bytes.len();
        // In base64 it is a third larger.
        if arrived < SIZE / 3 * 4 {
            bail!("only {arrived} bytes arrived");
        }
        Ok(sent)
    })?;
    Ok(table(&results))
}

fn table(results: &[Vec<Sent>; 2]) -> String {
    let mut table = Table::new(&[
        "an attachment of 20 MB",
        "aim",
        "peak, MB",
        "times its size",
        "peak of 5, MB",
        "resident after 5, MB",
    ]);
    let ways = [("by `path`", "< 4 times"), ("as `content`, base64 in the call", "")];
    for ((way, aim), results) in ways.into_iter().zip(results) {
        let megabytes = |figure: fn(&Sent) -> f64| Sample::of(results, |sent| figure(sent) / 1e6);
        let first = megabytes(|sent| sent.first.peak);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let times = first.median() * 1e6 / SIZE as f64;
        let last = megabytes(|sent| sent.last.peak);
        let left = megabytes(|sent| sent.last.resident);
        table.row(&[way, aim, &spread(&first, 0), &rounded(times, 2), &spread(&last, 0), &spread(&left, 0)]);
    }
    table.into_text()
}

fn send(settings: &[(&'static str, String)], attachment: &Value) -> Result<Sent> {
    let (process, streams) = Process::with_client(Program::Ours, settings, Between::Pipes)?;
    let mut client = stdio::Client::begin(streams)?;
    let mail = json!({ "to": "grace@example.org", "subject": "Large", "body": "See the file.", "attachments": [attachment], "allow_duplicate": true });
    let mut memory = Vec::new();
    for _ in 0..MAILS {
        client.call("send_email", &mail)?;
        memory.push(kernel::memory(process.pid())?);
    }
    Ok(Sent { first: memory[0], last: memory[MAILS - 1] })
}

/// Incompressible bytes: xorshift.
fn noise() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(SIZE).collect()
}
