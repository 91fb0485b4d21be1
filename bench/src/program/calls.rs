//! Calls per second: a tool that does almost nothing, beside a tool that does nothing.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::http::{self, Era};
use crate::process::{Between, Process, Program, unused};
use crate::sample::{Sample, interleaved};
use crate::table::{Table, rounded, spread};
use crate::{kernel, progress, stdio, stopwatch};

const ROUNDS: usize = 15;
const IN_FLIGHT: [usize; 2] = [1, 32];

/// How a client reaches the program.
#[derive(Debug, Clone, Copy)]
enum Way {
    Stdio(Between),
    Http(Era),
}

const WAYS: [(&str, Way); 4] = [
    ("stdio, pipes", Way::Stdio(Between::Pipes)),
    ("stdio, socket pairs", Way::Stdio(Between::SocketPairs)),
    ("HTTP, in a session", Way::Http(Era::Session)),
    ("HTTP, stateless", Way::Http(Era::Stateless)),
];

impl Way {
    /// Calls in a round: what takes about half a second.
    fn calls(self, in_flight: usize) -> usize {
        match (self, in_flight) {
            (Self::Stdio(_), 1) => 8_000,
            (Self::Stdio(_), _) => 16_000,
            (Self::Http(_), _) => 3_200,
        }
    }
}

/// One round.
struct Round {
    a_second: f64,
    /// Of the program, in microseconds of a CPU.
    each: f64,
}

pub(super) fn measure() -> Result<String> {
    let mut table = Table::new(&[
        "calls",
        "in flight",
        "`get_smtp_status`, a second",
        "empty tool, a second",
        "ratio",
        "CPU of ours, µs a call",
        "CPU of empty, µs a call",
    ]);
    for (name, way) in WAYS {
        for in_flight in IN_FLIGHT {
            progress(&format!("calls over {name}, {in_flight} in flight"));
            table.row(&row(name, way, in_flight)?);
        }
    }
    Ok(table.into_text())
}

fn row(name: &str, way: Way, in_flight: usize) -> Result<[String; 7]> {
    let mut contestants = [
        Contestant::begin(Program::Ours, way, in_flight)?,
        Contestant::begin(Program::Empty, way, in_flight)?,
    ];
    let calls = way.calls(in_flight);
    for contestant in &mut contestants {
        contestant.burst(calls, in_flight)?;
    }
    let results = interleaved::<_, 2>(ROUNDS, |which| contestants[which].round(calls, in_flight))?;
    let [ours, empty] = results.each_ref().map(|results| Sample::of(results, |round| round.a_second));
    let [our_cpu, empty_cpu] =
        results.each_ref().map(|results| Sample::of(results, |round| round.each).median());
    let ratio = ours.with(&empty, |ours, empty| ours / empty);
    Ok([
        name.to_owned(),
        in_flight.to_string(),
        spread(&ours, 0),
        spread(&empty, 0),
        spread(&ratio, 2),
        rounded(our_cpu, 1),
        rounded(empty_cpu, 1),
    ])
}

/// A program and its client.
struct Contestant {
    process: Process,
    client: Client,
    tool: &'static str,
}

enum Client {
    Stdio(stdio::Client),
    Http(http::Client),
}

impl Contestant {
    fn begin(program: Program, way: Way, in_flight: usize) -> Result<Self> {
        let tool = program.idle_tool();
        let (process, client) = match way {
            Way::Stdio(between) => {
                let (process, streams) = Process::with_client(program, &unused(), between)?;
                (process, Client::Stdio(stdio::Client::begin(streams)?))
            }
            Way::Http(era) => {
                let (process, address) = Process::over_http(program, &unused())?;
                (process, Client::Http(http::Client::begin(&address, era, tool, in_flight)?))
            }
        };
        Ok(Self { process, client, tool })
    }

    fn burst(&mut self, calls: usize, in_flight: usize) -> Result<()> {
        match &mut self.client {
            Client::Stdio(client) => client.burst(self.tool, &json!({}), calls, in_flight),
            Client::Http(client) => client.burst(calls),
        }
    }

    fn round(&mut self, calls: usize, in_flight: usize) -> Result<Round> {
        let before = kernel::on_cpu(self.process.pid())?;
        let (took, done) = stopwatch::time(|| self.burst(calls, in_flight));
        done?;
        // A thread that ended took its CPU time with it.
        let busy = kernel::on_cpu(self.process.pid())?.saturating_sub(before);
        Ok(round(calls, took, busy))
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn round(calls: usize, took: Duration, busy: Duration) -> Round {
    let calls = calls as f64;
    Round { a_second: calls / took.as_secs_f64(), each: busy.as_secs_f64() * 1e6 / calls }
}
