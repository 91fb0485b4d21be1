//! `version`: which program this is, and which versions of MCP it speaks.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::mcp::protocol_versions;

/// Print the version
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// As JSON: name, version, protocol_versions of MCP, os, architecture
    #[arg(long)]
    json: bool,
}

/// Prints the version to stdout.
///
/// # Errors
/// stdout cannot be written.
pub fn version(args: &VersionArgs) -> io::Result<ExitCode> {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let mut out = io::stdout();
    if args.json {
        let all = json!({
            "name": name,
            "version": version,
            "protocol_versions": protocol_versions(),
            "os": std::env::consts::OS,
            "architecture": std::env::consts::ARCH,
        });
        writeln!(out, "{all:#}")?;
    } else {
        writeln!(out, "{name} {version}")?;
    }
    Ok(ExitCode::SUCCESS)
}
