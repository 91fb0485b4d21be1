//! `cargo xtask inspect`: the MCP inspector lints the tools' schemas, in both eras of the protocol.

use std::path::Path;

use anyhow::Result;

use crate::shell::{self, command};
use crate::skipped::Skipped;
use crate::{node, paths, tools};

const INSPECTOR: &str = "@modelcontextprotocol/inspector@2.12.0";

pub(crate) fn run() -> Result<()> {
    let mut skipped = Skipped::default();
    let lab = paths::scratch("inspector")?;
    let Some(node) = node::install(&lab, INSPECTOR)? else {
        skipped.add("the inspector", node::MISSING);
        return skipped.close();
    };
    shell::run(&mut shell::cargo(&["build", "--workspace"]))?;
    lint(&node, &lab, "modern")?;
    lint(&node, &lab, "legacy")
}

/// Lists the tools through the inspector; it ends with a failure if a schema is not portable.
fn lint(node: &Path, lab: &Path, era: &str) -> Result<()> {
    let launcher = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js";
    let mut inspector = command(node);
    inspector.arg(lab.join(launcher));
    inspector.args(["--cli", "--protocol-era", era]);
    inspector.args(["--method", "tools/list", "--strict", "--output"]);
    inspector.arg(lab.join(format!("tools-{era}.json")));
    for (name, value) in tools::program()?.get_envs() {
        let value = value.unwrap_or_default().to_string_lossy();
        let setting = format!("{}={value}", name.to_string_lossy());
        inspector.args(["-e", &setting]);
    }
    inspector.arg("--cwd").arg(paths::scratch("xtask-empty")?);
    shell::run(inspector.arg(paths::program()))
}
