//! `check`: prints the effective configuration without secrets, each value with its location; then tests each server.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::clock::Clock;
use crate::config::variables::{Target, VARIABLES};
use crate::config::{Config, ConfigProvenance, ConfigSources, Loaded, Provenance};
use crate::upstream::Upstreams;
use crate::upstream::report::ConnectionTest;

/// Prints the settings and tests every server. The exit code is 0 only if all of them work.
///
/// # Errors
/// A server's certificates cannot be used, or stdout cannot be written.
pub async fn check(sources: ConfigSources, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    print_config(&loaded.config, &loaded.provenance, &mut out)?;
    writeln!(out, "\ntrying {} server(s)", loaded.config.servers.len())?;
    out.flush()?;
    let upstreams = Upstreams::new(sources, loaded.config, Clock::System)?;
    let test = upstreams.test().await;
    upstreams.drain().await;
    print_test(&test, &mut out)?;
    Ok(if test.all_work() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what the test of each server found.
///
/// # Errors
/// `out` cannot be written.
pub(super) fn print_test(test: &ConnectionTest, out: &mut impl Write) -> io::Result<()> {
    for server in &test.server_results {
        if let Some(error) = &server.error {
            writeln!(out, "  failed: {error}")?;
            continue;
        }
        let (name, address) = (&server.server, &server.host);
        let message = server.message.as_deref().unwrap_or_default();
        let extensions = server.extensions.as_deref().unwrap_or_default().join(", ");
        writeln!(out, "  {name} ({address}): {message}; it offers {extensions}")?;
    }
    Ok(())
}

/// Prints `config`. Passwords are only "set" or "none", addresses and login names are masked.
///
/// # Errors
/// `out` cannot be written.
pub fn print_config(config: &Config, provenance: &ConfigProvenance, out: &mut impl Write) -> io::Result<()> {
    for file in &provenance.files {
        writeln!(out, "read {}", file.display())?;
    }
    for warning in &config.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    for (server, provenance) in config.servers.iter().zip(&provenance.servers) {
        writeln!(out, "\nserver {}", server.name)?;
        for variable in VARIABLES {
            if let Target::Server(field) = &variable.target {
                print_row(variable.name, (field.show)(server), provenance, out)?;
            }
        }
    }
    writeln!(out, "\nprogram")?;
    for variable in VARIABLES {
        if let Target::Program(field) = &variable.target {
            print_row(variable.name, (field.show)(config), &provenance.program, out)?;
        }
    }
    Ok(())
}

fn print_row(
    name: &str,
    value: Option<String>,
    provenance: &Provenance,
    out: &mut impl Write,
) -> io::Result<()> {
    let Some(value) = value else {
        return Ok(());
    };
    let location = provenance.get(name).map_or_else(|| "default".to_owned(), ToString::to_string);
    writeln!(out, "  {name:<35} {value}  ({location})")
}

#[cfg(test)]
mod tests;
