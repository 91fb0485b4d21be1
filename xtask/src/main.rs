//! `cargo xtask`: the tasks of developers and CI, one file each.

#![expect(clippy::print_stderr, reason = "a task reports on stderr; stdout belongs to the tools it starts")]

mod attack;
mod bench;
mod check;
mod conformance;
mod docs;
mod fuzz;
mod inspect;
mod node;
mod outside;
mod paths;
mod shell;
mod skipped;
mod storm;
mod test;
mod tools;

use std::process::ExitCode;

use clap::Parser;

/// The tasks of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Build everything, run every Rust test, then the suite that drives the real binary from outside.
    Test {
        /// Of the outside suite only the smoke tests.
        #[arg(long)]
        quick: bool,
    },
    /// Check formatting, lints, licences, sources and generated documentation.
    Check,
    /// Ask the advisory database and the registry about the dependencies: known vulnerabilities, yanked versions. Needs the network.
    Advisories,
    /// Regenerate the generated blocks of README.md and docs.
    Docs {
        /// Change nothing; fail if a block is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Run the fuzz targets; needs a C++ compiler.
    Fuzz {
        /// Only this one; default: all, one after the other.
        target: Option<String>,
        /// How long each runs.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Measure the release build on this machine, and print tables.
    Bench {
        /// Only this one; default: all, one after the other.
        what: Option<bench::Benchmark>,
        /// Write the tables into docs/performance.md instead.
        #[arg(long)]
        write: bool,
    },
    /// Attack the release build over HTTP, together with an honest client: bombs, floods, unread answers, slow peers, sessions.
    Attack {
        /// How long.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// Attack the development build instead. It needs some optimisation: CARGO_PROFILE_DEV_OPT_LEVEL=1.
        #[arg(long)]
        dev: bool,
    },
    /// Kill and stop processes that share one outbox at random; no mail may be lost, sent twice, or called what it is not.
    Storm {
        /// How long.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// How many processes, besides `outbox drain` now and then.
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(3..=64))]
        processes: u32,
        /// The seed of an earlier run: the same decisions, at about the same moments.
        #[arg(long)]
        seed: Option<u32>,
    },
    /// Lint the tools' schemas with the MCP inspector, in both eras of the protocol.
    Inspect,
    /// Run the MCP project's conformance suite against the program over HTTP.
    Conformance,
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Test { quick } => test::run(quick),
        Task::Check => check::run(),
        Task::Advisories => check::advisories(),
        Task::Docs { check } => docs::run(check),
        Task::Fuzz { target, seconds } => fuzz::run(target.as_deref(), seconds),
        Task::Bench { what, write } => bench::run(what, write),
        Task::Attack { seconds, dev } => attack::run(seconds, dev),
        Task::Storm { seconds, processes, seed } => storm::run(seconds, processes, seed),
        Task::Inspect => inspect::run(),
        Task::Conformance => conformance::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
