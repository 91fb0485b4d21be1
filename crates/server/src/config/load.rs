//! From the layers to the configuration: which servers count, the settings of the program, all problems at once.

use std::path::PathBuf;

use super::layer::{Group, Layer, labels};
use super::origin::Findings;
use super::overlay::overlaid;
use super::server::{self, Places};
use super::setting::{Setting, Settings};
use super::variables::{self as var, Variable, mebibytes};
use super::{CallLimits, Config, Encryption, HttpConfig, LogFilter, Origin, Problems, ServerConfig, value};
use crate::secret::Secret;

/// A configuration, and what only the start of the program needs to know of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Where it came from.
    pub provenance: Provenance,
    /// What is logged.
    pub log_filter: LogFilter,
}

/// Where each setting came from. What is in no map is a default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provenance {
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// The settings of each server, in the order of `Config::servers`.
    pub servers: Vec<Places>,
    /// The settings of the program.
    pub program: Places,
}

/// Reads and checks everything.
///
/// # Errors
/// Every problem at once; then nothing of the configuration is usable.
pub fn load(origin: &Origin) -> Result<Config, Problems> {
    load_with_provenance(origin).map(|loaded| loaded.config)
}

/// As `load`, and tells where each setting came from.
///
/// # Errors
/// As `load`.
pub fn load_with_provenance(origin: &Origin) -> Result<Loaded, Problems> {
    let mut findings = Findings::default();
    let layers = origin.layers(&mut findings);
    let common = common(&layers);
    let (servers, places) = servers(&layers, &common, origin, &mut findings);
    let mut program = Program { common: &common, findings: &mut findings, places: Places::new() };
    let limits = program.limits();
    let attachment_dirs = program.attachment_dirs(origin);
    let log_filter = program.read(&var::LOG_LEVEL, value::log_filter).unwrap_or_default();
    let http = program.http(origin);
    let program = program.places;
    if !findings.problems.is_empty() {
        return Err(problems(findings));
    }
    let from_environment_only = layers.iter().skip(1).all(Layer::is_empty);
    let warnings = findings.warnings;
    let config = Config { servers, attachment_dirs, limits, http, warnings, from_environment_only };
    let provenance = Provenance { files: findings.files, servers: places, program };
    Ok(Loaded { config, provenance, log_filter })
}

/// A warning, such as a misspelt name, often explains a problem.
fn problems(findings: Findings) -> Problems {
    let warnings = findings.warnings.into_iter().map(|warning| format!("warning: {warning}"));
    Problems(findings.problems.into_iter().chain(warnings).collect())
}

/// The common settings of all layers: the strongest wins, variable by variable.
fn common(layers: &[Layer]) -> Settings {
    let weakest_first = layers.iter().rev();
    weakest_first
        .flat_map(|layer| layer.common.iter())
        .map(|(name, setting)| (*name, setting.clone()))
        .collect()
}

/// The servers of the strongest layer that has any, which replaces those of weaker layers as a whole; over them lies what
/// stronger layers set without a host.
fn servers(
    layers: &[Layer],
    common: &Settings,
    origin: &Origin,
    findings: &mut Findings,
) -> (Vec<ServerConfig>, Vec<Places>) {
    let Some(chosen) = layers.iter().position(Layer::has_servers) else {
        refuse_no_server(layers, findings);
        return (Vec::new(), Vec::new());
    };
    let groups = overlaid(&layers[chosen], &layers[..chosen], &mut findings.warnings);
    let base = origin.working_directory.as_deref();
    let read = |group| server::read(group, common, base, &mut findings.problems).map(|read| (group, read));
    let found: Vec<_> = groups.iter().filter_map(read).collect();
    refuse_same_names(&found, findings);
    let mut found: Vec<_> = found.into_iter().map(|(_, read)| read).collect();
    let unusual = found.iter().filter_map(|(server, _)| unusual_port(server));
    findings.warnings.extend(unusual);
    found.sort_by_key(|(server, _)| std::cmp::Reverse(server.priority));
    found.into_iter().unzip()
}

fn refuse_no_server(layers: &[Layer], findings: &mut Findings) {
    if layers.iter().any(|layer| layer.is_broken) {
        return;
    }
    for layer in layers {
        layer.groups(&mut findings.warnings);
    }
    let set: Vec<_> = layers.iter().flat_map(|layer| layer.unnumbered.values()).collect();
    let others = if set.is_empty() { String::new() } else { format!(" (set: {})", labels(set.into_iter())) };
    findings.problems.push(format!(
        "SMTP_HOST: not set{others}, expected {}, in the environment, an env file or a [[server]] table of a TOML file",
        var::HOST.expected
    ));
}

fn refuse_same_names(servers: &[(&Group, (ServerConfig, Places))], findings: &mut Findings) {
    for (index, (group, (server, _))) in servers.iter().enumerate() {
        let Some((earlier, _)) = servers[..index].iter().find(|(_, (other, _))| other.name == server.name)
        else {
            continue;
        };
        let (label, name, other) = (name_of(group), &server.name, name_of(earlier));
        findings
            .problems
            .push(format!("{label}: found {name:?}, which {other} is already, expected a unique name"));
    }
}

/// Where a server's name stands, or would stand if it were set.
fn name_of(group: &Group) -> String {
    match (group.own.get(var::NAME.name), group.number) {
        (Some(setting), _) => setting.label.clone(),
        (None, Some(number)) => format!("{}_{number}", var::NAME.name),
        (None, None) => var::NAME.name.to_owned(),
    }
}

/// The commonest mistake of all: the port of the other kind of TLS (RFC 8314, section 3.3).
fn unusual_port(server: &ServerConfig) -> Option<String> {
    let (name, port) = (&server.name, server.port);
    match (port, server.encryption) {
        (465, Encryption::StartTls) => Some(format!(
            "server {name}: port {port} usually speaks TLS from the first byte, but STARTTLS is set; SMTP_USE_SSL=true is for that"
        )),
        (25 | 587, Encryption::Implicit) => Some(format!(
            "server {name}: port {port} usually begins without TLS, but SMTP_USE_SSL is set; SMTP_USE_TLS=true alone is for that"
        )),
        _ => None,
    }
}

/// Reads the settings of the program.
struct Program<'a> {
    common: &'a Settings,
    findings: &'a mut Findings,
    places: Places,
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
                self.places.insert(variable.name, setting.place.clone());
                Some(value)
            }
            Err(reason) => {
                self.findings.problems.push(setting.refuse(variable, &reason));
                None
            }
        }
    }

    fn number(&mut self, variable: &'static Variable, most: u32) -> Option<u32> {
        self.read(variable, |setting| value::number(setting, 1..=most))
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

    fn attachment_dirs(&mut self, origin: &Origin) -> Vec<PathBuf> {
        let base = origin.working_directory.as_deref();
        self.read(&var::ATTACHMENT_DIRS, |setting| value::directories(setting, base)).unwrap_or_default()
    }

    fn http(&mut self, origin: &Origin) -> HttpConfig {
        HttpConfig {
            token: self.token(origin),
            allow_unauthenticated: self
                .read(&var::MCP_ALLOW_UNAUTHENTICATED, value::switch)
                .unwrap_or(var::MCP_ALLOW_UNAUTHENTICATED.switch()),
            allowed_hosts: self.read(&var::MCP_ALLOWED_HOSTS, value::authorities).unwrap_or_default(),
            allowed_origins: self.read(&var::MCP_ALLOWED_ORIGINS, value::web_origins).unwrap_or_default(),
        }
    }

    fn token(&mut self, origin: &Origin) -> Option<Secret> {
        let base = origin.working_directory.as_deref();
        let own = self.read(&var::MCP_HTTP_TOKEN, value::token);
        let of_file = self.read(&var::MCP_HTTP_TOKEN_FILE, |setting| value::token_file(setting, base));
        let is_set = |variable: &Variable| self.common.contains_key(variable.name);
        if is_set(&var::MCP_HTTP_TOKEN) && is_set(&var::MCP_HTTP_TOKEN_FILE) {
            let (one, other) = (var::MCP_HTTP_TOKEN.name, var::MCP_HTTP_TOKEN_FILE.name);
            self.findings.problems.push(format!("{one}: found together with {other}, expected one of them"));
        }
        own.or(of_file)
    }
}
