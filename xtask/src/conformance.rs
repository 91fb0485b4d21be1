//! `cargo xtask conformance`: the MCP project's own suite against the real program over HTTP, for both eras of the protocol.
//!
//! Most scenarios ask for tools, resources and prompts that only a server made for the suite has; `tests/conformance` lists
//! them. The lists are strict: a scenario that fails and is not listed is a failure, and so is one that is listed and passes.
//! The suite does not check more than that, so we compare the single checks of each listed scenario: some of them pass, and must.

mod checks;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result};

use crate::shell::{self, command};
use crate::skipped::Skipped;
use crate::{node, paths, tools};

/// The version of the suite, the revision whose requirements are scored, if one is, and the list.
const RUNS: [(&str, Option<&str>, &str); 3] = [
    ("0.1.16", None, "0.1.16.yml"),
    ("0.2.0-alpha.12", Some("2025-11-25"), "2025-11-25.yml"),
    ("0.2.0-alpha.12", Some("2026-07-28"), "2026-07-28.yml"),
];

pub(crate) fn run() -> Result<()> {
    shell::run(&mut shell::cargo(&["build", "--workspace"]))?;
    let mut skipped = Skipped::default();
    let server = Server::start()?;
    for (version, requirements, list) in RUNS {
        let lab = paths::scratch(&format!("conformance-{version}"))?;
        let package = format!("@modelcontextprotocol/conformance@{version}");
        let Some(node) = node::install(&lab, &package)? else {
            skipped.add("the conformance suite", node::MISSING);
            break;
        };
        score(&node, &lab, &server.url, requirements, list)?;
    }
    skipped.close()
}

fn score(node: &Path, lab: &Path, url: &str, requirements: Option<&str>, list: &str) -> Result<()> {
    let results = lab.join("results").join(list);
    // Those of an earlier run would be taken for this one's.
    let _ = fs::remove_dir_all(&results);
    let expected = paths::root().join("tests/conformance").join(list);
    let mut suite = command(node);
    suite.arg(lab.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"));
    suite.args(["server", "--url", url, "--output-dir"]).arg(&results);
    suite.arg("--expected-failures").arg(&expected);
    if let Some(revision) = requirements {
        suite.args(["--requirements", revision]);
    }
    // Its own totals count the listed scenarios as failures; its exit status tells whether there are others.
    shell::run_quietly(&mut suite)?;
    checks::compare(&fs::read_to_string(&expected)?, &checks::failed(&results)?)
        .with_context(|| format!("{list} is not what the suite found"))?;
    eprintln!("conformance: every failure is one of {list}");
    Ok(())
}

/// The program on a free port, killed when dropped.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Result<Self> {
        let mut program = tools::program()?;
        program.args(["--transport", "http", "--port", "0"]).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = program.spawn().context("cannot start the built program")?;
        let mut log = BufReader::new(child.stderr.take().context("no stderr")?).lines();
        let url = log.by_ref().map_while(Result::ok).find_map(|line| url(&line));
        // The rest of the log is discarded, so that the program never blocks on it.
        std::thread::spawn(move || log.for_each(drop));
        Ok(Self { child, url: url.context("the program named no URL")? })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn url(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("url=\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn the_url_is_found_in_the_log() {
        assert_eq!(url("x url=\"http://a/mcp\" y").as_deref(), Some("http://a/mcp"));
        assert_eq!(url("x"), None);
    }
}
