//! `cargo xtask storm`: several processes on one outbox, killed and stopped at random.

use std::path::Path;

use anyhow::Result;

use crate::shell::{self, cargo, command};
use crate::{outside, paths};

/// Runs for so many seconds. Fails if a mail was lost, sent twice, or called what it is not.
pub(crate) fn run(seconds: u32, processes: u32, seed: Option<u32>) -> Result<()> {
    // As `cargo run -- demo` builds it, so that it is built once.
    shell::run(cargo(&["run"]).args(["--", "--version"]))?;
    let mut storm = command(outside::environment()?);
    storm.arg(Path::new(outside::SUITE).join("storm.py"));
    storm.args(["--seconds", &seconds.to_string(), "--processes", &processes.to_string()]);
    if let Some(seed) = seed {
        storm.args(["--seed", &seed.to_string()]);
    }
    shell::run(storm.env("SMTP_MCP_SERVER", paths::program()))
}
