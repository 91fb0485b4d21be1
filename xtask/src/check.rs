//! `cargo xtask check`: formatting, lints, the fuzz targets, licences and sources, generated documentation.

use anyhow::Result;

use crate::docs;
use crate::place;
use crate::shell::{self, cargo, works};

const DENY: &str = "0.20.2";

pub(crate) fn run() -> Result<()> {
    shell::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    shell::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    fuzz_targets()?;
    deny()?;
    docs::run(true)
}

/// They are a workspace of their own, which no other build would notice to be broken. Nothing is linked, so the fuzzer's C++ part
/// stays out, and with it the compiler that only fuzzing needs.
fn fuzz_targets() -> Result<()> {
    let mut check = cargo(&["clippy", "--manifest-path", "fuzz/Cargo.toml", "--all-targets"]);
    check.arg("--target-dir").arg(place::target()).args(["--", "-D", "warnings"]);
    shell::run(check.env("CUSTOM_LIBFUZZER_PATH", place::target().join("libnone.a")))
}

/// Bans, licences and sources. Advisories need a database that is fetched over the network:
/// `cargo deny check advisories`, by hand.
fn deny() -> Result<()> {
    if !works(&mut cargo(&["deny", "--version"])) {
        shell::run(&mut cargo(&["install", "cargo-deny", "--locked", "--version", DENY]))?;
    }
    shell::run(&mut cargo(&["deny", "--workspace", "check", "bans", "licenses", "sources"]))
}
