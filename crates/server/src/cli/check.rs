//! `check`: tries each server, and says whether everything works, what is set where, and what to do next.

mod report;
mod settings;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Args;

use super::style::Style;
use crate::clock::Clock;
use crate::config::{ConfigErrors, ConfigSources, Loaded};
use crate::upstream::Upstreams;
use crate::upstream::report::ConnectionTest;

use report::Report;
pub(super) use report::server_line;

/// Every exit code of `check`.
pub const EXIT_CODES: &str = "\
Exit codes, and `success` with --json:
  0  true   the settings are valid, and every server accepts a connection and the login
  1  false  something does not work: `problems` of the settings, or `error` of a server
  2         the command line is wrong; there is no JSON

--json prints success, verdict, problems, warnings, files, servers, settings and next. Each setting has
value and source; each server has server, host, priority, success, message or error, tls_version,
extensions and settings. Passwords and tokens are never printed.";

/// Try each server without sending anything, and show the settings without secrets
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES, after_help = "Exit codes: 0 everything works, 1 something does not, 2 usage")]
pub struct CheckArgs {
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Print nothing if everything works, else only what does not
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
}

/// Tries every server and prints the report. The exit code is 0 only if all of them work.
///
/// # Errors
/// stdout cannot be written.
pub async fn check(
    args: CheckArgs,
    origin: ConfigSources,
    loaded: Result<Loaded, ConfigErrors>,
) -> anyhow::Result<ExitCode> {
    let report = match loaded {
        Ok(loaded) => tried(loaded, origin).await,
        Err(problems) => Report::invalid(problems, &origin),
    };
    let mut out = io::stdout();
    let style = Style::of(&out);
    match (args.json, args.quiet) {
        (true, _) => {
            serde_json::to_writer_pretty(&mut out, &report)?;
            writeln!(out)?;
        }
        (_, true) => report.print_failures(style, &mut out)?,
        _ => report.print(style, &mut out)?,
    }
    Ok(if report.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn tried(loaded: Loaded, origin: ConfigSources) -> Report {
    let Loaded { config, provenance } = loaded;
    if io::stdout().is_terminal() {
        // It can take a while until the verdict.
        let _ = writeln!(io::stderr(), "trying {} …", servers(config.servers.len()));
    }
    let test = test(origin.clone(), &config).await;
    match test {
        Ok(test) => Report::of(&config, &provenance, test, &origin),
        Err(problems) => Report::invalid(problems, &origin),
    }
}

async fn test(origin: ConfigSources, config: &crate::config::Config) -> Result<ConnectionTest, ConfigErrors> {
    let upstreams = Upstreams::new(origin, config.clone(), Clock::System)?;
    let test = upstreams.test().await;
    upstreams.drain().await;
    Ok(test)
}

fn servers(count: usize) -> String {
    if count == 1 { "the server".to_owned() } else { format!("{count} servers") }
}

#[cfg(test)]
mod tests;
