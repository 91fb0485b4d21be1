//! The configuration: the environment, an env file, a TOML file; every default in one place; all errors at once.

mod diagnostics;
mod env_file;
mod environment_block;
mod host;
mod housekeeping;
mod http;
mod load;
mod log_filter;
mod login;
mod merge;
mod mode;
mod names;
mod outbox;
mod own_domains;
mod own_files;
mod path;
mod permissions;
mod policy_value;
mod reference;
mod refusal;
mod reload;
mod server;
mod setting;
mod shortest_setup;
mod shown;
mod source;
mod sources;
mod text_file;
mod toml_file;
mod tools;
mod value;
mod variable;
pub mod variables;
mod written;

#[cfg(test)]
mod tests;

pub use housekeeping::{OutboxLimits, Retention};
pub use http::{Authority, HttpConfig, SecretFile, WebOrigin};
pub use load::{
    ConfigProvenance, Loaded, load, load_what_is_right, load_with_provenance, load_without_servers,
};
pub use log_filter::LogFilter;
pub use login::{AuthMethod, CommandLine, LoginConfig, LoginSource};
pub use mode::Mode;
pub use outbox::{Account, OnUnknown, OutboxLocation};
pub use reference::variables_table;
pub use reload::reload;
pub use server::Provenance;
pub use setting::Location;
pub use tools::{ToolNames, ToolSelection};

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::address::{Address, Mailbox};
use crate::limits::CallLimits;
use crate::memory::MemoryLimit;
use crate::policy::Policy;
use crate::secret::Secret;

/// The whole effective configuration. The default has no servers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// The servers in the order in which they are tried: by priority, ties by their numbers.
    pub servers: Vec<ServerConfig>,
    /// Directories that `path` attachments may come from, in the order in which a relative path is looked up.
    pub attachment_dirs: Vec<PathBuf>,
    /// Hidden files may be attached by path, too.
    pub attach_hidden: bool,
    /// What may be sent, to whom and how much.
    pub policy: Policy,
    /// Where messages go.
    pub mode: Mode,
    /// Who gets every message, in [`Mode::Redirect`].
    pub redirect_to: Option<Address>,
    /// Where messages are kept, in [`Mode::Capture`].
    pub capture_dir: Option<PathBuf>,
    /// Who gets a hidden copy of every mail.
    pub default_bcc: Vec<Mailbox>,
    /// Limits of a call.
    pub limits: CallLimits,
    /// The soft limit on what the process holds. Read at the start; a reload does not change it.
    pub memory_limit: MemoryLimit,
    /// Which tools are offered. Read at the start; a reload does not change it.
    pub tools: ToolSelection,
    /// Access over HTTP.
    pub http: HttpConfig,
    /// Where the program keeps what must survive its end. `None`: nowhere is known.
    pub state_dir: Option<PathBuf>,
    /// Where messages are kept until they are sent. Read at the start; a reload does not change it. `None`: nowhere is known.
    pub outbox: Option<OutboxLocation>,
    /// How long the outbox keeps what has ended.
    pub retention: Retention,
    /// How much the outbox takes.
    pub outbox_limits: OutboxLimits,
    /// How long a mail waits, so that it can be cancelled, if the call does not say.
    pub undo: Duration,
    /// What an unknown outcome of a message taken from now on leads to.
    pub on_unknown: OnUnknown,
    /// What is logged. Read at the start; a reload does not change it.
    pub log_filter: LogFilter,
    /// Warnings, one sentence each.
    pub warnings: Vec<String>,
    /// The files that were read, in which its settings are.
    pub files: Vec<PathBuf>,
    /// Everything came from the process's own environment, which a reload cannot change.
    pub from_environment_only: bool,
}

/// One server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// Unique.
    pub name: String,
    /// Host name or address literal.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// The login name; with it, always a source of credentials.
    pub username: Option<String>,
    /// The source of the credentials; with it, always a name.
    pub login: LoginConfig,
    /// A CA or the server's own certificate.
    pub ca: Option<CaFile>,
    /// To connect, and for each SMTP command.
    pub timeout: Duration,
    /// Connection attempts after the first, 0 to 10.
    pub max_retries: u32,
    /// The identity: the sender if the call gives none.
    pub identity: Mailbox,
    /// Other senders that a call may choose.
    pub allowed_from: Vec<SenderRule>,
    /// Higher is tried first.
    pub priority: i64,
    /// A login without TLS was explicitly allowed.
    pub allow_plaintext_auth: bool,
    /// The name for EHLO, if set.
    pub ehlo_name: Option<String>,
    /// How many connections may be open, 1 to 100.
    pub max_connections: usize,
    /// How many messages may be sent in any minute.
    pub max_rate: Option<usize>,
    /// Use PIPELINING if the server offers it.
    pub pipelining: bool,
    /// Use CHUNKING if the server offers it.
    pub chunking: bool,
}

/// A PEM file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaFile {
    /// Its path.
    pub path: PathBuf,
    /// Its contents.
    pub pem: Vec<u8>,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Implicit TLS (RFC 8314): shown as `SSL`.
    Implicit,
    /// STARTTLS, required (RFC 3207): shown as `TLS`.
    StartTls,
    /// Plaintext: shown as `None`.
    None,
}

/// A sender that a call may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderRule {
    /// This address.
    Address(Address),
    /// Any address of this domain (A-labels, lower case).
    Domain(String),
    /// Any address: `*`, written out.
    Any,
}

/// The sources of the configuration, kept so that it can be reloaded.
#[derive(Debug, Clone, Default)]
pub struct ConfigSources {
    /// The process's environment at the start.
    pub environment: BTreeMap<String, Secret>,
    /// `--config`.
    pub config_file: Option<PathBuf>,
    /// `--env-file`.
    pub env_file: Option<PathBuf>,
    /// The directory in which `.env` is looked for.
    pub working_directory: Option<PathBuf>,
}

/// Every error of a configuration, each naming its variable, its source, what was found and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigErrors(pub Vec<String>);

impl ServerConfig {
    /// A server with every default.
    pub fn new(host: String, identity: Mailbox) -> Self {
        Self {
            name: "primary".to_owned(),
            host,
            port: 587,
            encryption: Encryption::StartTls,
            username: None,
            login: LoginConfig::default(),
            ca: None,
            timeout: Duration::from_secs(variables::TIMEOUT.number().into()),
            max_retries: variables::MAX_RETRIES.number(),
            identity,
            allowed_from: Vec::new(),
            priority: 0,
            allow_plaintext_auth: variables::ALLOW_PLAINTEXT_AUTH.switch(),
            ehlo_name: None,
            max_connections: variables::MAX_CONNECTIONS.number() as usize,
            max_rate: None,
            pipelining: variables::PIPELINING.switch(),
            chunking: variables::CHUNKING.switch(),
        }
    }

    /// Whether a call may choose `sender` on this server: its identity's address, or one that a rule allows.
    pub fn owns(&self, sender: &Address) -> bool {
        self.identity.address == *sender
            || self.allowed_from.iter().any(|rule| match rule {
                SenderRule::Address(address) => address == sender,
                SenderRule::Domain(domain) => domain.eq_ignore_ascii_case(sender.domain()),
                SenderRule::Any => true,
            })
    }

    /// Whether a login without TLS is allowed: explicitly, or because it does not leave this machine.
    pub fn may_log_in_without_tls(&self) -> bool {
        self.allow_plaintext_auth || host::is_loopback(&self.host)
    }

    /// The masked login name: `a***@example.org`, or `a***` if it is not an address.
    pub fn masked_username(&self) -> Option<String> {
        let username = self.username.as_deref()?;
        let first = || username.chars().take(1).collect::<String>() + "***";
        Some(Address::parse(username).map_or_else(|_| first(), |address| address.masked()))
    }
}

impl SenderRule {
    /// The rule, masked for display.
    pub fn masked(&self) -> String {
        match self {
            Self::Address(address) => address.masked(),
            Self::Domain(domain) => format!("*@{domain}"),
            Self::Any => "*".to_owned(),
        }
    }
}

impl Encryption {
    /// Its name in status and logs, as in the predecessor.
    pub fn word(self) -> &'static str {
        match self {
            Self::Implicit => "SSL",
            Self::StartTls => "TLS",
            Self::None => "None",
        }
    }
}
