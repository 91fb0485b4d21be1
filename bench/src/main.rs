//! Measures the built program and prints tables; `cargo xtask bench` builds both and runs this.

mod http;
mod kernel;
mod mail_server;
mod outbox;
mod policy;
mod process;
mod program;
mod rpc;
mod sample;
mod stdio;
mod stopwatch;
mod table;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

/// The benchmark to run. Tables go to stdout as Markdown, progress to stderr.
#[derive(Parser)]
#[command(name = "smtp-bench")]
enum Benchmark {
    /// The program: its start, its memory, what it adds to a mail, its calls per second.
    Program,
    /// The outbox: what is taken and sent a second, beside a raw append that is synced; and a call with and without a disk.
    Outbox,
    /// The rules: a verdict on a message with many recipients and many patterns.
    Policy,
}

fn main() -> ExitCode {
    let measured = match Benchmark::parse() {
        Benchmark::Program => program::measure(),
        Benchmark::Outbox => outbox::measure(),
        Benchmark::Policy => policy::measure(),
    };
    let printed = measured.and_then(|tables| Ok(write!(std::io::stdout(), "{tables}")?));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "smtp-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says what is being measured.
fn progress(what: &str) {
    let _ = writeln!(std::io::stderr(), "measuring {what}");
}
