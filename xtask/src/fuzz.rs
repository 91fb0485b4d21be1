//! `cargo xtask fuzz`: runs the fuzz targets of `fuzz/`, one after the other, each for a time.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::paths;
use crate::shell::{self, cargo, works};

const CARGO_FUZZ: &str = "0.13.2";

/// Runs `target`, or every one, for so many seconds each. What one finds is kept in `fuzz/artifacts`.
pub(crate) fn run(target: Option<&str>, seconds: u32) -> Result<()> {
    let all = targets()?;
    if let Some(unknown) = target.filter(|target| !all.iter().any(|known| known == target)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    if !works(&mut cargo(&["fuzz", "--version"])) {
        shell::run(&mut cargo(&["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ]))?;
    }
    let chosen = all.iter().filter(|known| target.is_none_or(|target| target == known.as_str()));
    for name in chosen {
        fuzz(name, seconds)?;
    }
    Ok(())
}

/// The crates under test forbid unsafe code, so there is nothing for a sanitizer to see, and the stable toolchain will do.
fn fuzz(target: &str, seconds: u32) -> Result<()> {
    let corpus = format!("fuzz/target/corpus/{target}");
    fs::create_dir_all(paths::root().join(&corpus))?;
    let mut fuzz = cargo(&["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none", target, &corpus]);
    fuzz.arg(seeds(target)).args(["--", "-timeout=10", "-rss_limit_mb=512", "-print_final_stats=1"]);
    shell::run(fuzz.arg(format!("-max_total_time={seconds}")))
}

/// The starting corpus; for HTML the mails of the tests.
fn seeds(target: &str) -> String {
    match target {
        "html" => "crates/server/tests/compose/html_mails".to_owned(),
        _ => format!("fuzz/seeds/{target}"),
    }
}

/// The targets' names, in alphabetical order.
fn targets() -> Result<Vec<String>> {
    let folder = paths::root().join("fuzz/targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let name = entry?.file_name();
        names.extend(Path::new(&name).file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
