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
mod size;
mod smtp;
mod stdio;
mod stopwatch;
mod table;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// The benchmark to run. Tables go to stdout as Markdown, progress to stderr.
#[derive(Parser)]
#[command(name = "smtp-bench")]
enum Benchmark {
    /// The program: its start, its memory, what it adds to a mail, its calls per second.
    Program,
    /// The outbox: what is taken and sent a second, beside a raw append that is synced; and a call with and without a disk.
    Outbox,
    /// The outbox with up to a million finished messages: what each operation costs.
    OutboxSize {
        /// Where to write the plot.
        #[arg(long)]
        plot: Option<std::path::PathBuf>,
    },
    /// The rules: a verdict on a message with many recipients and many patterns.
    Policy,
    /// The SMTP engine beside other clients, against a real Postfix, at a distance and without. Needs root.
    Smtp(smtp::Peers),
    /// For the benchmark of the engine: the engine as a client.
    #[command(hide = true)]
    Engine(smtp::EngineOptions),
    /// For the benchmark of the engine: carries packets between two devices, with a round trip of so many milliseconds.
    #[command(hide = true)]
    Distance {
        /// Milliseconds.
        round_trip: u64,
    },
    /// For the benchmark of the engine: how long a connection takes.
    #[command(hide = true)]
    Connect(smtp::Endpoint),
}

fn main() -> ExitCode {
    let measured = match Benchmark::parse() {
        Benchmark::Program => program::measure(),
        Benchmark::Outbox => outbox::measure(),
        Benchmark::OutboxSize { plot } => size::measure(plot.as_deref()),
        Benchmark::Policy => policy::measure(),
        Benchmark::Smtp(peers) => smtp::measure(&peers),
        Benchmark::Engine(options) => smtp::run_engine(&options),
        Benchmark::Distance { round_trip } => {
            smtp::carry(Duration::from_millis(round_trip)).map(|()| String::new())
        }
        Benchmark::Connect(endpoint) => smtp::connect_time(&endpoint),
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
