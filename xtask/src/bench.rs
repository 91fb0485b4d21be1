//! `cargo xtask bench`: measures the release build; the tables are printed, or written into docs/performance.md.

use std::fs;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::shell::{self, cargo, command};
use crate::{docs, paths};

const DOCUMENT: &str = "docs/performance.md";

/// The benchmarks: each is a subcommand of `smtp-bench`, and a block of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Benchmark {
    /// The program as a whole: start, memory, one mail, calls a second.
    Program,
    /// The outbox: mails taken and sent a second, and a call with and without a disk.
    Outbox,
    /// The rules: a verdict on a message with many recipients and many patterns.
    Policy,
}

impl Benchmark {
    fn word(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Outbox => "outbox",
            Self::Policy => "policy",
        }
    }
}

pub(crate) fn run(what: Option<Benchmark>, write: bool) -> Result<()> {
    // The features are the server's own, so it is the program that `cargo build --release` leaves.
    shell::run(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "smtp-mcp-server",
        "--package",
        "smtp-bench",
    ]))?;
    let all = match &what {
        Some(one) => std::slice::from_ref(one),
        None => Benchmark::value_variants(),
    };
    for what in all {
        let mut bench = command(paths::built("release", "smtp-bench"));
        bench.arg(what.word());
        if write {
            write_block(*what, &shell::captured(&mut bench)?)?;
        } else {
            shell::run(&mut bench)?;
        }
    }
    Ok(())
}

fn write_block(what: Benchmark, tables: &str) -> Result<()> {
    let document = paths::root().join(DOCUMENT);
    let old = fs::read_to_string(&document).context(DOCUMENT)?;
    let new = docs::with_block(&old, &block(what), tables)?;
    if new == old {
        bail!("{DOCUMENT} has no block for `{}`", what.word());
    }
    fs::write(&document, new)?;
    eprintln!("bench: wrote `{}` into {DOCUMENT}", what.word());
    Ok(())
}

/// Its name in the document.
fn block(what: Benchmark) -> String {
    format!("bench {}", what.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_a_block_for_each_measurement() {
        let document = fs::read_to_string(paths::root().join(DOCUMENT)).unwrap();
        for what in Benchmark::value_variants() {
            let new = docs::with_block(&document, &block(*what), "something new").unwrap();
            assert_ne!(new, document, "{}", what.word());
        }
    }
}
