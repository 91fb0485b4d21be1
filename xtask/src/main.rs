//! `cargo xtask`: every recipe that a person or the CI runs, one file a recipe.

#![expect(
    clippy::print_stderr,
    reason = "a recipe talks to the person who runs it; stdout is left to the tools it starts"
)]

mod bench;
mod check;
mod conformance;
mod docs;
mod fuzz;
mod inspect;
mod node;
mod outside;
mod place;
mod shell;
mod skipped;
mod test;
mod tools;

use std::process::ExitCode;

use clap::Parser;

/// The recipes of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Recipe {
    /// Build everything, run every Rust test, then the suite that drives the real binary from outside.
    Test {
        /// Of the outside suite only the smoke tests.
        #[arg(long)]
        quick: bool,
    },
    /// Formatting, lints, licences and sources, generated documentation: whatever needs no running.
    Check,
    /// Write the generated blocks of README.md and docs anew.
    Docs {
        /// Change nothing; fail if a block is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Run the fuzz targets; needs a C++ compiler.
    Fuzz {
        /// Only this one; default: each in turn.
        target: Option<String>,
        /// How long each runs.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Measure the release build on this machine, and print tables.
    Bench {
        /// Only this one; default: each in turn.
        what: Option<bench::What>,
        /// Write the tables into docs/performance.md instead.
        #[arg(long)]
        write: bool,
    },
    /// Lint the tools' schemas with the MCP inspector, in both eras of the protocol.
    Inspect,
    /// Run the MCP project's conformance suite against the program over HTTP.
    Conformance,
}

fn main() -> ExitCode {
    let done = match Recipe::parse() {
        Recipe::Test { quick } => test::run(quick),
        Recipe::Check => check::run(),
        Recipe::Docs { check } => docs::run(check),
        Recipe::Fuzz { target, seconds } => fuzz::run(target.as_deref(), seconds),
        Recipe::Bench { what, write } => bench::run(what, write),
        Recipe::Inspect => inspect::run(),
        Recipe::Conformance => conformance::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
