//! Loads the configuration from its sources: which servers count, the program's settings, all errors at once.

use std::collections::BTreeSet;
use std::path::Path;

use secrecy::ExposeSecret;

use super::diagnostics::Diagnostics;
use super::env_file::APP_PASSWORD;
use super::merge::merge;
use super::own_domains::own_domains;
use super::own_files::in_attachment_dirs;
use super::permissions::{self, Holds};
use super::server::{self, Provenance};
use super::setting::{Setting, Settings};
use super::source::{ServerEntry, Source, labels};
use super::variables::{self as var, Target};
use super::written::is_app_password_with_blanks;
use super::{
    Config, ConfigErrors, ConfigSources, Encryption, LoginSource, Mode, OutboxLocation, ServerConfig,
};
use crate::policy::Preset;

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
    check_secret_files(&servers, &config, config_sources, &mut diagnostics);
    if outbox == Some(OutboxLocation::Memory) && config.policy.asks() {
        let (approval, preset, place) = (var::APPROVAL.name, var::POLICY.name, var::MCP_OUTBOX.name);
        diagnostics.warnings.push(format!(
            "{place} is memory, where nobody can approve a mail: what {approval} or {preset} asks about is refused"
        ));
    }
    if !diagnostics.problems.is_empty() {
        return Err(diagnostics.into_errors());
    }
    let mut config = config;
    config.policy.standing_copies = config.default_bcc.iter().map(|copy| copy.address.clone()).collect();
    if !program.contains_key(var::INTERNAL_DOMAINS.name) {
        config.policy.internal_domains = own_domains(&servers);
    }
    let from_environment_only = sources.iter().skip(1).all(Source::is_empty);
    let files = std::mem::take(&mut diagnostics.files);
    let mut config = Config { servers, files, from_environment_only, state_dir, outbox, ..config };
    diagnostics.warnings.extend(in_attachment_dirs(&config));
    config.warnings = diagnostics.into_warnings();
    let provenance = ConfigProvenance { servers: provenance, program };
    Ok(Loaded { config, provenance })
}

/// The settings of the program, whatever servers are configured.
///
/// # Errors
/// One of them is wrong, or a file with settings cannot be read.
pub fn load_without_servers(config_sources: &ConfigSources) -> Result<Config, ConfigErrors> {
    let (config, diagnostics) = without_servers(config_sources);
    if diagnostics.problems.is_empty() { Ok(config) } else { Err(diagnostics.into_errors()) }
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
    check_secret_files(&[], &config, config_sources, &mut diagnostics);
    (Config { state_dir, outbox, ..config }, diagnostics)
}

/// The files that hold nothing but a password or a token.
fn check_secret_files(
    servers: &[ServerConfig],
    config: &Config,
    config_sources: &ConfigSources,
    diagnostics: &mut Diagnostics,
) {
    let logins = servers.iter().map(|server| &server.login);
    let passwords = logins.clone().filter_map(|login| login.password_file.as_ref().map(|file| &file.path));
    let tokens = logins.filter_map(|login| login.token_file.as_ref());
    let files: BTreeSet<_> = passwords.chain(tokens).map(|path| (path, Holds::Secret)).collect();
    let own_token = config.http.token_file.iter().map(|file| (&file.path, Holds::ClientToken));
    for (path, holds) in files.into_iter().chain(own_token) {
        permissions::check(path, holds, config_sources.allows_open_files(), diagnostics);
    }
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
        let all = [&var::MCP_TOOLS, &var::MCP_EXCLUDE_TOOLS, &var::MCP_READ_ONLY];
        let set = all.into_iter().filter(|variable| common.contains_key(variable.name));
        let set: Vec<_> = set.map(|variable| origin_of(common, variable)).collect();
        problems.push(format!("{}: together they leave no tool, expected at least one", set.join(" and ")));
    }
    let copies = config.default_bcc.iter().map(|mailbox| &mailbox.address);
    for address in copies {
        if let Some(reason) = config.policy.forbidden_by_lists(address) {
            problems.push(format!("{}: {} {reason}", origin_of(common, &var::DEFAULT_BCC), address.masked()));
        }
    }
    refuse_incomplete_policy(common, &config, problems);
    let (token, file) = (&var::MCP_HTTP_TOKEN, &var::MCP_HTTP_TOKEN_FILE);
    if common.contains_key(token.name) && common.contains_key(file.name) {
        let (token, file) = (origin_of(common, token), origin_of(common, file));
        problems.push(format!("{token} and {file}: found both, expected one of them"));
    }
    (config, provenance)
}

/// Settings that need another one.
fn refuse_incomplete_policy(common: &Settings, config: &Config, problems: &mut Vec<String>) {
    let mut needs = |variable, word: &str, other: &var::Variable| {
        let (origin, name, expected) = (origin_of(common, variable), other.name, other.expected);
        problems.push(format!("{origin}: found {word}, which needs {name}: {expected}"));
    };
    if config.policy.preset == Preset::Strict && config.policy.allowed.is_empty() {
        needs(&var::POLICY, Preset::Strict.word(), &var::ALLOWED_RECIPIENTS);
    }
    if config.mode == Mode::Redirect && config.redirect_to.is_none() {
        needs(&var::MODE, Mode::Redirect.word(), &var::REDIRECT_TO);
    }
    if config.mode == Mode::Capture && config.capture_dir.is_none() {
        needs(&var::MODE, Mode::Capture.word(), &var::CAPTURE_DIR);
    }
    // Whoever sets one of them does not expect mail to leave.
    for (variable, mode) in [(&var::REDIRECT_TO, Mode::Redirect), (&var::CAPTURE_DIR, Mode::Capture)] {
        if common.contains_key(variable.name) && !common.contains_key(var::MODE.name) {
            let (origin, name, word) = (origin_of(common, variable), var::MODE.name, mode.word());
            problems.push(format!(
                "{origin}: set without {name}, expected {name}={word}, or {name}=live if mail is to be sent"
            ));
        }
    }
}

/// The name of a setting and where it is, if it is set.
fn origin_of(settings: &Settings, variable: &var::Variable) -> String {
    settings.get(variable.name).map_or_else(|| variable.name.to_owned(), Setting::origin_of)
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
    let with_blanks = found.iter().filter_map(|(server, _)| app_password_with_blanks(server));
    diagnostics.warnings.extend(with_blanks);
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

/// The variable that sets a server's name and where it is, or its name alone if it is not set.
fn name_of(entry: &ServerEntry) -> String {
    match (entry.own.get(var::NAME.name), entry.number) {
        (Some(setting), _) => setting.origin_of(),
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

/// An app password of Google, as its page shows it.
fn app_password_with_blanks(server: &ServerConfig) -> Option<String> {
    let Some(LoginSource::Password(password)) = server.login.source() else { return None };
    let is_google = |name: &str| name.ends_with("gmail.com") || name.ends_with("googlemail.com");
    let is_googles = is_google(&server.host) || server.username.as_deref().is_some_and(is_google);
    let has_blanks = is_app_password_with_blanks(password.expose().expose_secret());
    (is_googles && has_blanks).then(|| format!("server {}: {APP_PASSWORD}", server.name))
}

/// The most common mistake: the port of the other kind of TLS (RFC 8314, section 3.3).
fn unusual_port(server: &ServerConfig) -> Option<String> {
    let (name, port) = (&server.name, server.port);
    match (port, server.encryption) {
        (465, Encryption::StartTls) => Some(format!(
            "server {name}: port {port} usually expects implicit TLS, but SMTP_USE_SSL=false is set; without it, this port selects implicit TLS"
        )),
        (25 | 587, Encryption::Implicit) => Some(format!(
            "server {name}: port {port} usually expects STARTTLS, but SMTP_USE_SSL is set; SMTP_USE_TLS=true alone selects STARTTLS"
        )),
        _ => None,
    }
}
