//! The CPU time of a program that has nothing to do.

use std::time::Duration;

use anyhow::Result;

use crate::kernel;
use crate::process::{Between, Process, Program, unused};
use crate::sample::Sample;
use crate::table::{Table, spread};
use crate::{progress, stdio};

/// How long a program settles before it counts as idle.
const SETTLING: Duration = Duration::from_secs(3);
/// How long one look takes, and how many there are.
const LOOK: Duration = Duration::from_secs(10);
const LOOKS: usize = 6;

pub(super) fn measure() -> Result<String> {
    progress("the idle program");
    let mut programs = Vec::new();
    for program in Program::BOTH {
        let (process, streams) = Process::with_client(program, &unused(), Between::Pipes)?;
        programs.push((process, stdio::Client::begin(streams)?));
    }
    std::thread::sleep(SETTLING);
    let mut shares = [Vec::new(), Vec::new()];
    for _ in 0..LOOKS {
        let before = used(&programs)?;
        std::thread::sleep(LOOK);
        for ((shares, before), after) in shares.iter_mut().zip(before).zip(used(&programs)?) {
            shares.push((after - before).as_secs_f64() / LOOK.as_secs_f64() * 100.0);
        }
    }
    let [ours, empty] = shares.each_ref().map(|shares| spread(&Sample::of(shares, |share| *share), 3));
    let mut table = Table::new(&["idle", "aim", "smtp-mcp-server", "empty tool server"]);
    table.row(&["CPU, % of a core", "< 0.1", &ours, &empty]);
    Ok(table.into_text())
}

fn used(programs: &[(Process, stdio::Client)]) -> Result<Vec<Duration>> {
    programs.iter().map(|(process, _)| kernel::on_cpu(process.pid())).collect()
}
