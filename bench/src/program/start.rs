//! From the start to the first answer, and the memory at that moment.

use anyhow::Result;

use crate::kernel::{self, Memory};
use crate::process::{Between, Process, Program, unused};
use crate::sample::{Sample, interleaved};
use crate::table::{Table, spread};
use crate::{progress, stdio, stopwatch};

const ROUNDS: usize = 60;

struct Started {
    milliseconds: f64,
    memory: Memory,
}

pub(super) fn measure() -> Result<String> {
    progress("the start");
    let results = interleaved::<_, 2>(ROUNDS, |contestant| start(Program::BOTH[contestant]))?;
    let mut table = Table::new(&["start", "aim", "smtp-mcp-server", "empty tool server"]);
    let mut row = |what: &str, aim: &str, figure: fn(&Started) -> f64| {
        let [ours, empty] = results.each_ref().map(|results| spread(&Sample::of(results, figure), 1));
        table.row(&[what, aim, &ours, &empty]);
    };
    row("from start to the first `tools/list` answer, ms", "< 20", |started| started.milliseconds);
    row("resident then, MB", "< 15", |started| started.memory.resident / 1e6);
    row("of it heap and stacks, MB", "", |started| started.memory.anonymous / 1e6);
    Ok(table.into_text())
}

fn start(program: Program) -> Result<Started> {
    let (took, begun) = stopwatch::time(|| {
        let (process, streams) = Process::with_client(program, &unused(), Between::Pipes)?;
        anyhow::Ok((process, stdio::Client::begin(streams)?))
    });
    let (process, _client) = begun?;
    Ok(Started { milliseconds: took.as_secs_f64() * 1e3, memory: kernel::memory(process.pid())? })
}
