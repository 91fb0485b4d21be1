//! Loads the configuration from its sources: which servers count, the program's settings, all errors at once.

use std::path::PathBuf;

use super::merge::merge;
use super::server::{self, Provenance};
use super::setting::{Setting, Settings};
use super::source::{ServerEntry, Source, labels};
use super::sources::Diagnostics;
use super::variables::{self as var, Variable, mebibytes};
use super::{
    CallLimits, Config, ConfigErrors, ConfigSources, Encryption, HttpConfig, LogFilter, ServerConfig, value,
};
use crate::memory::MemoryLimit;
use crate::secret::Secret;

/// A configuration, and what only the start of the program needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The provenance of its settings.
    pub provenance: ConfigProvenance,
    /// The log filter.
    pub log_filter: LogFilter,
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
    let mut program =
        Program { common: &common, diagnostics: &mut diagnostics, provenance: Provenance::new() };
    let limits = program.limits();
    let attachment_dirs = program.attachment_dirs(config_sources);
    let log_filter = program.read(&var::LOG_LEVEL, value::log_filter).unwrap_or_default();
    let http = program.http(config_sources);
    let memory_limit = program.memory_limit();
    let program = program.provenance;
    if !diagnostics.problems.is_empty() {
        return Err(problems(diagnostics));
    }
    let from_environment_only = sources.iter().skip(1).all(Source::is_empty);
    let warnings = diagnostics.warnings;
    let config =
        Config { servers, attachment_dirs, limits, memory_limit, http, warnings, from_environment_only };
    let provenance = ConfigProvenance { files: diagnostics.files, servers: provenance, program };
    Ok(Loaded { config, provenance, log_filter })
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

/// Reads the settings of the program.
struct Program<'a> {
    common: &'a Settings,
    diagnostics: &'a mut Diagnostics,
    provenance: Provenance,
}

impl Program<'_> {
    fn read<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl FnOnce(&Setting) -> Result<T, String>,
    ) -> Option<T> {
        let setting = self.common.get(variable.name)?;
        match parse(setting) {
            Ok(value) => {
                self.provenance.insert(variable.name, setting.location.clone());
                Some(value)
            }
            Err(reason) => {
                self.diagnostics.problems.push(setting.refuse(variable, &reason));
                None
            }
        }
    }

    fn number(&mut self, variable: &'static Variable, most: u32) -> Option<u32> {
        self.read(variable, |setting| value::number(setting, 1..=most))
    }

    fn memory_limit(&mut self) -> MemoryLimit {
        let number = self.read(&var::MCP_MEMORY_LIMIT, |setting| value::number(setting, 64..=1 << 20));
        number.map(mebibytes).map(MemoryLimit).unwrap_or_default()
    }

    fn megabytes(&mut self, variable: &'static Variable) -> Option<usize> {
        self.number(variable, 1024).map(mebibytes)
    }

    fn limits(&mut self) -> CallLimits {
        let default = CallLimits::default();
        let recipients = self.number(&var::MAX_RECIPIENTS, 1000).map(|number| number as usize);
        let subject_chars = self.number(&var::MAX_SUBJECT_CHARS, 10_000).map(|number| number as usize);
        CallLimits {
            recipients: recipients.unwrap_or(default.recipients),
            subject_chars: subject_chars.unwrap_or(default.subject_chars),
            body_bytes: self.megabytes(&var::MAX_BODY_SIZE_MB).unwrap_or(default.body_bytes),
            attachment_bytes: self
                .megabytes(&var::MAX_ATTACHMENT_SIZE_MB)
                .unwrap_or(default.attachment_bytes),
            attachments_bytes: self
                .megabytes(&var::MAX_TOTAL_ATTACHMENTS_SIZE_MB)
                .unwrap_or(default.attachments_bytes),
        }
    }

    fn attachment_dirs(&mut self, config_sources: &ConfigSources) -> Vec<PathBuf> {
        let base = config_sources.working_directory.as_deref();
        self.read(&var::ATTACHMENT_DIRS, |setting| value::directories(setting, base)).unwrap_or_default()
    }

    fn http(&mut self, config_sources: &ConfigSources) -> HttpConfig {
        HttpConfig {
            token: self.token(config_sources),
            allow_unauthenticated: self
                .read(&var::MCP_ALLOW_UNAUTHENTICATED, value::switch)
                .unwrap_or(var::MCP_ALLOW_UNAUTHENTICATED.switch()),
            allowed_hosts: self.read(&var::MCP_ALLOWED_HOSTS, value::authorities).unwrap_or_default(),
            allowed_origins: self.read(&var::MCP_ALLOWED_ORIGINS, value::web_origins).unwrap_or_default(),
            connections_per_address: self
                .number(&var::MCP_CONNECTIONS_PER_ADDRESS, 512)
                .unwrap_or(var::MCP_CONNECTIONS_PER_ADDRESS.number())
                as usize,
        }
    }

    fn token(&mut self, config_sources: &ConfigSources) -> Option<Secret> {
        let base = config_sources.working_directory.as_deref();
        let own = self.read(&var::MCP_HTTP_TOKEN, value::token);
        let of_file = self.read(&var::MCP_HTTP_TOKEN_FILE, |setting| value::token_file(setting, base));
        let is_set = |variable: &Variable| self.common.contains_key(variable.name);
        if is_set(&var::MCP_HTTP_TOKEN) && is_set(&var::MCP_HTTP_TOKEN_FILE) {
            let (one, other) = (var::MCP_HTTP_TOKEN.name, var::MCP_HTTP_TOKEN_FILE.name);
            self.diagnostics
                .problems
                .push(format!("{one}: found together with {other}, expected one of them"));
        }
        own.or(of_file)
    }
}
