//! Round trips a message, by how the engine is used; and messages a second through the whole program.

use anyhow::Result;
use serde_json::json;

use super::contest::{Contestant, Task};
use super::lab::{Lab, PLAIN, Place, WITHOUT_CHUNKING};
use super::options::{Link, Mode};
use super::round_trip;
use crate::process::{Process, Program};
use crate::sample::Sample;
use crate::table::{Table, rounded};
use crate::{progress, stdio, stopwatch};

const ROUNDS: usize = 7;
const MESSAGES: usize = 100;
const IN_BULK: usize = 640;
const IN_FLIGHT: usize = 32;

pub(crate) fn measure() -> Result<String> {
    progress("round trips a message");
    let head =
        ["one connection, messages of 2 kB, 20 ms", "aim", "round trips a message", "messages a second"];
    let mut table = Table::new(&head);
    for (what, mode, port, messages, aim) in [
        ("one at a time, in one flight", Mode::Single, PLAIN, MESSAGES, "≤ 1.2"),
        ("one at a time, to all recipients or none", Mode::AllOrNothing, PLAIN, MESSAGES, "≤ 2.1"),
        ("in sequence, PIPELINING without CHUNKING", Mode::Sequence, WITHOUT_CHUNKING, MESSAGES, "≤ 1.1"),
        ("in sequence, windows of 16", Mode::Sequence, PLAIN, IN_BULK, "≥ 250 a second"),
    ] {
        let (trips, rates) = engine(mode, port, messages)?;
        table.row(&[what, aim, &rounded(trips.median(), 2), &rounded(rates.median(), 0)]);
    }
    let rates = program()?;
    let what = format!("`send_email` on stdio, the outbox on a file, {IN_FLIGHT} in flight, 4 connections");
    table.row(&[what.as_str(), "≥ 250 a second", "", &rounded(rates.median(), 0)]);
    Ok(table.into_text())
}

/// Round trips a message, and messages a second.
#[expect(clippy::cast_precision_loss, reason = "a few hundred messages")]
fn engine(mode: Mode, port: u16, messages: usize) -> Result<(Sample, Sample)> {
    let link = Link::Plain;
    let task = Task { place: Place::Away, port, link, connections: 1, messages, size: 2_000 };
    let mut seconds = Vec::new();
    for _ in 0..ROUNDS {
        let trip = round_trip::measure()?;
        let each = Contestant::Engine(mode).run(task, None, None)?.others / messages as f64;
        seconds.push((each / trip, 1.0 / each));
    }
    Ok((Sample::of(&seconds, |(trips, _)| *trips), Sample::of(&seconds, |(_, rate)| *rate)))
}

/// Messages a second through the program, each recorded on disk before it is sent.
#[expect(clippy::cast_precision_loss, reason = "a few hundred messages")]
fn program() -> Result<Sample> {
    let settings = [
        ("SMTP_HOST", Place::Away.server().to_owned()),
        ("SMTP_PORT", PLAIN.to_string()),
        ("SMTP_USE_TLS", "false".to_owned()),
        ("SMTP_FROM_EMAIL", "a@lab.test".to_owned()),
        ("SMTP_POLICY", "open".to_owned()),
        // For `ip`, which starts it.
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
    ];
    let text: String = "The quick brown fox jumps over the lazy dog.\n".chars().cycle().take(2_000).collect();
    let mail = json!({ "to": "b@lab.test", "subject": "Measured", "body": text, "allow_duplicate": true });
    let program = Program::Ours.path()?.to_string_lossy().into_owned();
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let (_process, streams) = Process::of(Lab::command(Place::Away, &program), &settings)?;
        let mut client = stdio::Client::begin(streams)?;
        client.burst("send_email", &mail, IN_FLIGHT, IN_FLIGHT)?;
        let (took, sent) = stopwatch::time(|| client.burst("send_email", &mail, IN_BULK, IN_FLIGHT));
        sent?;
        rates.push(IN_BULK as f64 / took.as_secs_f64());
    }
    Ok(Sample::of(&rates, |rate| *rate))
}
