//! `cargo xtask check`: formatting, lints, licences and sources, generated documentation.

use anyhow::Result;

use crate::docs;
use crate::shell::{self, cargo, works};

const DENY: &str = "0.20.2";

pub(crate) fn run() -> Result<()> {
    shell::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    shell::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    deny()?;
    docs::run(true)
}

/// Bans, licences and sources. Advisories need a database that is fetched over the network:
/// `cargo deny check advisories`, by hand.
fn deny() -> Result<()> {
    if !works(&mut cargo(&["deny", "--version"])) {
        shell::run(&mut cargo(&["install", "cargo-deny", "--locked", "--version", DENY]))?;
    }
    shell::run(&mut cargo(&["deny", "--workspace", "check", "bans", "licenses", "sources"]))
}
