//! `cargo xtask bench`: measures the release build; the tables are printed, or written into docs/performance.md.

use std::ffi::OsString;
use std::fs;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::shell::{self, cargo, command};
use crate::{docs, node, paths};

const DOCUMENT: &str = "docs/performance.md";
const PLOT: &str = "docs/performance-smtp.svg";
const SIZE_PLOT: &str = "docs/performance-outbox.svg";
const NODEMAILER: &str = "nodemailer@10";

/// The benchmarks: each is a subcommand of `smtp-bench`, and a block of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Benchmark {
    /// The program as a whole: start, memory, one mail, calls a second.
    Program,
    /// The outbox: mails taken and sent a second, and a call with and without a disk.
    Outbox,
    /// The outbox with up to a million finished messages: what each operation costs.
    OutboxSize,
    /// The rules: a verdict on a message with many recipients and many patterns.
    Policy,
    /// The SMTP engine beside other clients, against a real Postfix, at a distance and without. Needs root, Postfix and npm.
    Smtp,
}

impl Benchmark {
    fn word(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Outbox => "outbox",
            Self::OutboxSize => "outbox-size",
            Self::Policy => "policy",
            Self::Smtp => "smtp",
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
        if *what == Benchmark::Smtp {
            bench.args(peers(write)?);
        }
        if *what == Benchmark::OutboxSize && write {
            bench.arg("--plot").arg(paths::root().join(SIZE_PLOT));
        }
        if write {
            write_block(*what, &shell::captured(&mut bench)?)?;
        } else {
            shell::run(&mut bench)?;
        }
    }
    Ok(())
}

/// Builds and installs what the engine is compared with, and says where it is.
fn peers(write: bool) -> Result<Vec<OsString>> {
    shell::run(command("bash").arg(paths::root().join("tests/outside/install-lab")))?;
    let lettre = paths::target().join("bench-lettre");
    let manifest = paths::root().join("bench/peers/lettre/Cargo.toml");
    shell::run(
        cargo(&["build", "--release", "--locked"])
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--target-dir")
            .arg(&lettre),
    )?;
    let nodemailer = paths::scratch("bench-nodemailer")?;
    let node = node::install(&nodemailer, NODEMAILER)?.context(node::MISSING)?;
    let plot = if write { paths::root().join(PLOT) } else { paths::scratch("bench")?.join("plot.svg") };
    let lettre = lettre.join("release/lettre-peer");
    let options = [("--lettre", lettre), ("--node", node), ("--nodemailer", nodemailer), ("--plot", plot)];
    Ok(options.into_iter().flat_map(|(name, path)| [name.into(), path.into()]).collect())
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
