//! `cargo xtask attack`: attacks on the program over HTTP, together with an honest client.

use std::path::Path;

use anyhow::Result;

use crate::shell::{self, cargo, command};
use crate::{outside, paths};

/// Attacks for so many seconds. Fails if the program took too much memory, was slow, or lost an honest call.
pub(crate) fn run(seconds: u32, dev: bool) -> Result<()> {
    let (options, folder): (&[_], _) = if dev { (&[], "debug") } else { (&["--release"], "release") };
    // As `cargo run -- demo` builds it, so that it is built once.
    shell::run(cargo(&["run"]).args(options).args(["--", "--version"]))?;
    let mut attack = command(outside::environment()?);
    attack.arg(Path::new(outside::SUITE).join("attack.py")).args(["--seconds", &seconds.to_string()]);
    if dev {
        // Hardly optimised, on whatever machine CI has: what would not answer at all shows there, too.
        attack.args(["--slowest-health", "1"]);
    }
    shell::run(attack.env("SMTP_MCP_SERVER", paths::target().join(folder).join("smtp-mcp-server")))
}
