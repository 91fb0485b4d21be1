//! Loads the configuration from its sources: which servers count, the program's settings, all errors at once.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::merge::merge;
use super::server::{self, Provenance};
use super::setting::Settings;
use super::source::{ServerEntry, Source, labels};
use super::sources::Diagnostics;
use super::variables::{self as var, Target};
use super::{Config, ConfigErrors, ConfigSources, Encryption, LoginSource, OutboxLocation, ServerConfig};

/// A configuration, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The provenance of its settings.
    pub provenance: ConfigProvenance,
}

/// The location of each setting. A setting in no map is a default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConfigProvenance {
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// The settings of each server, in the order of `Config::servers`.
    pub servers: Vec<Provenance>,
    /// The settings of the program.
    pub program: Provenance,
}

/// Loads and validates the configuration.
///
/// # Errors
/// Every error at once; then no part of the configuration is usable.
pub fn load(config_sources: &ConfigSources) -> Result<Config, ConfigErrors> {
    load_with_provenance(config_sources).map(|loaded| loaded.config)
}

/// As `load`, with the location of each setting.
///
/// # Errors
/// As `load`.
pub fn load_with_provenance(config_sources: &ConfigSources) -> Result<Loaded, ConfigErrors> {
    let mut diagnostics = Diagnostics::default();
    let sources = config_sources.sources(&mut diagnostics);
    let common = common(&sources);
    let (servers, provenance) = servers(&sources, &common, config_sources, &mut diagnostics);
    let base = config_sources.working_directory.as_deref();
    let (config, program) = program(&common, base, &mut diagnostics.problems);
    let state_dir = config.state_dir.clone().or_else(|| config_sources.state_dir());
    if state_dir.is_none() && servers.iter().any(|server| server.login.source() == Some(LoginSource::Stored))
    {
        let (name, expected) = (var::MCP_STATE_DIR.name, var::MCP_STATE_DIR.expected);
        diagnostics.problems.push(format!("{name}: not set, and neither is HOME, expected {expected}"));
    }
    let outbox = config.outbox.clone().or_else(|| state_dir.as_deref().map(OutboxLocation::in_state_dir));
    if !diagnostics.problems.is_empty() {
        return Err(problems(diagnostics));
    }
    let from_environment_only = sources.iter().skip(1).all(Source::is_empty);
    let config = Config {
        servers,
        warnings: diagnostics.warnings,
        from_environment_only,
        state_dir,
        outbox,
        ..config
    };
    let provenance = ConfigProvenance { files: diagnostics.files, servers: provenance, program };
    Ok(Loaded { config, provenance })
}

/// The settings of the program, whatever servers are configured.
///
/// # Errors
/// One of them is wrong, or a file with settings cannot be read.
pub fn load_without_servers(config_sources: &ConfigSources) -> Result<Config, ConfigErrors> {
    let (config, diagnostics) = without_servers(config_sources);
    if diagnostics.problems.is_empty() { Ok(config) } else { Err(problems(diagnostics)) }
}

/// Those settings of the program that are right; the others have their defaults.
pub fn load_what_is_right(config_sources: &ConfigSources) -> Config {
    without_servers(config_sources).0
}

fn without_servers(config_sources: &ConfigSources) -> (Config, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let sources = config_sources.sources(&mut diagnostics);
    let base = config_sources.working_directory.as_deref();
    let (config, _) = program(&common(&sources), base, &mut diagnostics.problems);
    let state_dir = config.state_dir.clone().or_else(|| config_sources.state_dir());
    let outbox = config.outbox.clone().or_else(|| state_dir.as_deref().map(OutboxLocation::in_state_dir));
    (Config { state_dir, outbox, ..config }, diagnostics)
}

/// The settings of the program, without servers.
fn program(common: &Settings, base: Option<&Path>, problems: &mut Vec<String>) -> (Config, Provenance) {
    let (mut config, mut provenance) = (Config::default(), Provenance::new());
    for variable in var::VARIABLES {
        let (Target::Program(field), Some(setting)) = (&variable.target, common.get(variable.name)) else {
            continue;
        };
        match (field.read)(setting, base) {
            Ok(assign) => {
                provenance.insert(variable.name, setting.location.clone());
                assign(&mut config);
            }
            Err(reason) => problems.push(setting.refuse(variable, &reason)),
        }
    }
    if config.tools.is_empty() {
        let (only, excluded) = (var::MCP_TOOLS.name, var::MCP_EXCLUDE_TOOLS.name);
        problems.push(format!("{excluded}: together with {only} it leaves no tool, expected at least one"));
    }
    let (token, file) = (var::MCP_HTTP_TOKEN.name, var::MCP_HTTP_TOKEN_FILE.name);
    if common.contains_key(token) && common.contains_key(file) {
        problems.push(format!("{token}: found together with {file}, expected one of them"));
    }
    (config, provenance)
}

/// A warning, such as a misspelt name, often explains an error.
fn problems(diagnostics: Diagnostics) -> ConfigErrors {
    let warnings = diagnostics.warnings.into_iter().map(|warning| format!("warning: {warning}"));
    ConfigErrors(diagnostics.problems.into_iter().chain(warnings).collect())
}

/// The common settings of all sources: the strongest source wins, variable by variable.
fn common(sources: &[Source]) -> Settings {
    let weakest_first = sources.iter().rev();
    weakest_first
        .flat_map(|source| source.common.iter())
        .map(|(name, setting)| (*name, setting.clone()))
        .collect()
}

/// The servers of the strongest source that has any, which replaces those of weaker sources as a whole, merged with what
/// stronger sources set without a host.
fn servers(
    sources: &[Source],
    common: &Settings,
    config_sources: &ConfigSources,
    diagnostics: &mut Diagnostics,
) -> (Vec<ServerConfig>, Vec<Provenance>) {
    let Some(chosen) = sources.iter().position(Source::has_servers) else {
        refuse_no_server(sources, diagnostics);
        return (Vec::new(), Vec::new());
    };
    let entries = merge(&sources[chosen], &sources[..chosen], &mut diagnostics.warnings);
    let base = config_sources.working_directory.as_deref();
    let read = |entry| server::read(entry, common, base, &mut diagnostics.problems).map(|read| (entry, read));
    let found: Vec<_> = entries.iter().filter_map(read).collect();
    refuse_same_names(&found, diagnostics);
    let mut found: Vec<_> = found.into_iter().map(|(_, read)| read).collect();
    let unusual = found.iter().filter_map(|(server, _)| unusual_port(server));
    diagnostics.warnings.extend(unusual);
    let ordinary = found.iter().filter_map(|(server, _)| ordinary_password(server));
    diagnostics.warnings.extend(ordinary);
    found.sort_by_key(|(server, _)| std::cmp::Reverse(server.priority));
    found.into_iter().unzip()
}

fn refuse_no_server(sources: &[Source], diagnostics: &mut Diagnostics) {
    if sources.iter().any(|source| source.is_broken) {
        return;
    }
    for source in sources {
        source.entries(&mut diagnostics.warnings);
    }
    let set: Vec<_> = sources.iter().flat_map(|source| source.unnumbered.values()).collect();
    let others = if set.is_empty() { String::new() } else { format!(" (set: {})", labels(set.into_iter())) };
    diagnostics.problems.push(format!(
        "SMTP_HOST: not set{others}, expected {}, in the environment, an env file or a [[server]] table of a TOML file",
        var::HOST.expected
    ));
}

fn refuse_same_names(servers: &[(&ServerEntry, (ServerConfig, Provenance))], diagnostics: &mut Diagnostics) {
    for (index, (entry, (server, _))) in servers.iter().enumerate() {
        let Some((earlier, _)) = servers[..index].iter().find(|(_, (other, _))| other.name == server.name)
        else {
            continue;
        };
        let (label, name, other) = (name_of(entry), &server.name, name_of(earlier));
        diagnostics
            .problems
            .push(format!("{label}: found {name:?}, which {other} has already, expected a unique name"));
    }
}

/// The name of the variable that sets a server's name, set or not.
fn name_of(entry: &ServerEntry) -> String {
    match (entry.own.get(var::NAME.name), entry.number) {
        (Some(setting), _) => setting.label.clone(),
        (None, Some(number)) => format!("{}_{number}", var::NAME.name),
        (None, None) => var::NAME.name.to_owned(),
    }
}

/// A password that a server's replies contain anyway.
fn ordinary_password(server: &ServerConfig) -> Option<String> {
    let Some(LoginSource::Password(password)) = server.login.source() else { return None };
    let is_ordinary = smtp_submission::is_ordinary_in_replies(password.expose().expose_secret());
    is_ordinary.then(|| {
        format!(
            "server {}: the password consists of words that mail servers use in their replies, so it is easy to guess and cannot be \
             hidden in them; choose another one",
            server.name
        )
    })
}

/// The most common mistake: the port of the other kind of TLS (RFC 8314, section 3.3).
fn unusual_port(server: &ServerConfig) -> Option<String> {
    let (name, port) = (&server.name, server.port);
    match (port, server.encryption) {
        (465, Encryption::StartTls) => Some(format!(
            "server {name}: port {port} usually expects implicit TLS, but STARTTLS is set; SMTP_USE_SSL=true selects implicit TLS"
        )),
        (25 | 587, Encryption::Implicit) => Some(format!(
            "server {name}: port {port} usually expects STARTTLS, but SMTP_USE_SSL is set; SMTP_USE_TLS=true alone selects STARTTLS"
        )),
        _ => None,
    }
}
