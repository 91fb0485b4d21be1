//! `cargo xtask test`: the Rust tests, then the suite that drives the real binary from outside.

use anyhow::Result;

use crate::outside;
use crate::shell::{self, cargo};
use crate::skipped::Skipped;

/// With `quick`, only the smoke tests of the outside suite.
pub(crate) fn run(quick: bool) -> Result<()> {
    let mut skipped = Skipped::default();
    shell::run(&mut cargo(&["build", "--workspace"]))?;
    let rust = shell::run(&mut cargo(&["test", "--workspace", "--no-fail-fast"]));
    let outside = outside::run(quick, &mut skipped);
    let all_run = skipped.close();
    rust.and(outside).and(all_run)
}
