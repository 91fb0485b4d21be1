//! `check`: prints the effective configuration without secrets, each value with its location; then tests each server.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::clock::Clock;
use crate::config::variables::{self as var, Variable};
use crate::config::{Config, ConfigProvenance, ConfigSources, Loaded, Provenance, SenderRule, ServerConfig};
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

fn print_test(test: &ConnectionTest, out: &mut impl Write) -> io::Result<()> {
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
        print_rows(&server_rows(server), provenance, out)?;
    }
    writeln!(out, "\nprogram")?;
    print_rows(&program_rows(config, &provenance.program), &provenance.program, out)
}

type Row = (&'static Variable, String);

fn print_rows(rows: &[Row], provenance: &Provenance, out: &mut impl Write) -> io::Result<()> {
    for (variable, value) in rows {
        let location =
            provenance.get(variable.name).map_or_else(|| "default".to_owned(), ToString::to_string);
        writeln!(out, "  {:<35} {value}  ({location})", variable.name)?;
    }
    Ok(())
}

fn server_rows(server: &ServerConfig) -> Vec<Row> {
    let none = || "none".to_owned();
    let password = if server.password.is_some() { "set" } else { "none" };
    let from: Vec<String> = server.allowed_from.iter().map(SenderRule::masked).collect();
    vec![
        (&var::HOST, server.host.clone()),
        (&var::PORT, server.port.to_string()),
        encryption_row(server),
        (&var::USERNAME, server.masked_username().unwrap_or_else(none)),
        (&var::PASSWORD, password.to_owned()),
        (&var::ALLOW_PLAINTEXT_AUTH, server.allow_plaintext_auth.to_string()),
        (
            &var::CA_FILE,
            server
                .ca
                .as_ref()
                .map_or_else(|| "the platform's roots".to_owned(), |ca| ca.path.display().to_string()),
        ),
        (&var::TIMEOUT, format!("{} s", server.timeout.as_secs_f64())),
        (&var::MAX_RETRIES, server.max_retries.to_string()),
        (&var::FROM_EMAIL, server.identity.address.masked()),
        (&var::ALLOWED_FROM, if from.is_empty() { "the identity only".to_owned() } else { from.join(", ") }),
        (&var::PRIORITY, server.priority.to_string()),
        (
            &var::EHLO_NAME,
            server.ehlo_name.clone().unwrap_or_else(|| "the connection's own address".to_owned()),
        ),
    ]
}

/// The variable that decides, and the resulting encryption.
fn encryption_row(server: &ServerConfig) -> Row {
    use crate::config::Encryption::{Implicit, None, StartTls};
    match server.encryption {
        Implicit => (&var::USE_SSL, "true: implicit TLS".to_owned()),
        StartTls => (&var::USE_TLS, "true: STARTTLS, required".to_owned()),
        None => (&var::USE_TLS, "false: no encryption".to_owned()),
    }
}

fn program_rows(config: &Config, places: &Provenance) -> Vec<Row> {
    let dirs: Vec<String> = config.attachment_dirs.iter().map(|path| path.display().to_string()).collect();
    let limits = &config.limits;
    let http = &config.http;
    let megabytes = |bytes: usize| format!("{} MiB", bytes >> 20);
    vec![
        (&var::ATTACHMENT_DIRS, if dirs.is_empty() { "none".to_owned() } else { dirs.join(", ") }),
        (&var::MAX_RECIPIENTS, limits.recipients.to_string()),
        (&var::MAX_SUBJECT_CHARS, limits.subject_chars.to_string()),
        (&var::MAX_BODY_SIZE_MB, megabytes(limits.body_bytes)),
        (&var::MAX_ATTACHMENT_SIZE_MB, megabytes(limits.attachment_bytes)),
        (&var::MAX_TOTAL_ATTACHMENTS_SIZE_MB, megabytes(limits.attachments_bytes)),
        token_row(config, places),
        (&var::MCP_ALLOW_UNAUTHENTICATED, http.allow_unauthenticated.to_string()),
        (&var::MCP_ALLOWED_HOSTS, listed(&http.allowed_hosts, "none")),
        (&var::MCP_ALLOWED_ORIGINS, listed(&http.allowed_origins, "loopback origins")),
    ]
}

/// The variable that the token comes from.
fn token_row(config: &Config, places: &Provenance) -> Row {
    let is_of_file = places.contains_key(var::MCP_HTTP_TOKEN_FILE.name);
    let variable = if is_of_file { &var::MCP_HTTP_TOKEN_FILE } else { &var::MCP_HTTP_TOKEN };
    let token = if config.http.token.is_some() { "set" } else { "none" };
    (variable, token.to_owned())
}

fn listed(items: &[impl ToString], none: &str) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    if items.is_empty() { none.to_owned() } else { items.join(", ") }
}

#[cfg(test)]
mod tests;
