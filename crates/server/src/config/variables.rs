//! Every variable, once: its name, its default, its rule. The reference table in `docs/configuration.md` is generated from it.

use std::fmt::Write as _;

use super::{CallLimits, MemoryLimit};

/// One setting: a variable, and the TOML key of the same name in lower case without `SMTP_`.
#[derive(Debug)]
pub struct Variable {
    /// The variable's name, without a number.
    pub name: &'static str,
    /// Where it may be set.
    pub scope: Scope,
    /// The default.
    pub default: DefaultValue,
    /// What is expected; completes the sentence "expected …".
    pub expected: &'static str,
    /// A note for the reference table; may be empty.
    pub note: &'static str,
}

/// What a variable applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One server's account: it never applies to another server.
    Account,
    /// One server; without a number it is the default for all.
    Shared,
    /// The program.
    Global,
    /// The program; only in the environment.
    Process,
}

/// The default of a variable.
#[derive(Debug, Clone, Copy)]
pub enum DefaultValue {
    /// It must be set.
    Required,
    /// A number.
    Number(u32),
    /// A switch.
    Switch(bool),
    /// A default that depends on other settings, described.
    Words(&'static str),
}

const SWITCH: &str = "one of true, 1, yes, on, false, 0, no, off";

/// A row of the table.
const fn row(
    name: &'static str,
    scope: Scope,
    default: DefaultValue,
    expected: &'static str,
    note: &'static str,
) -> Variable {
    Variable { name, scope, default, expected, note }
}

macro_rules! variables {
    ($($(#[$doc:meta])* $ident:ident = ($name:literal, $scope:ident, $default:expr, $expected:expr, $note:literal);)*) => {
        $($(#[$doc])* pub static $ident: Variable = row($name, Scope::$scope, $default, $expected, $note);)*
        /// Every variable, in the order of the reference table.
        pub static VARIABLES: &[&Variable] = &[$(&$ident),*];
    };
}

variables! {
    /// The server.
    HOST = ("SMTP_HOST", Account, DefaultValue::Required, "a host name or an address, without scheme and port", "");
    /// Its port.
    PORT = ("SMTP_PORT", Account, DefaultValue::Words("587, or 465 with SSL"), "a whole number from 1 to 65535", "");
    /// The login name.
    USERNAME = ("SMTP_USERNAME", Account, DefaultValue::Words("none"), "a login name without control characters", "Set both the username and the password, or neither for a relay without login.");
    /// The password.
    PASSWORD = ("SMTP_PASSWORD", Account, DefaultValue::Words("none"), "a password without control characters", "Never shown and never logged.");
    /// STARTTLS.
    USE_TLS = ("SMTP_USE_TLS", Account, DefaultValue::Switch(true), SWITCH, "STARTTLS, required: a server that does not offer it gets no mail.");
    /// Implicit TLS.
    USE_SSL = ("SMTP_USE_SSL", Account, DefaultValue::Switch(false), SWITCH, "Implicit TLS, usually on port 465. Set alone, it turns STARTTLS off; setting both to true is an error.");
    /// A CA.
    CA_FILE = ("SMTP_CA_FILE", Shared, DefaultValue::Words("the platform's roots"), "a readable PEM file with at least one certificate", "A CA, or the server's own self-signed certificate.");
    /// The time limit.
    TIMEOUT = ("SMTP_TIMEOUT", Shared, DefaultValue::Number(30), "seconds, more than 0 and at most 300", "For connecting, and for each SMTP command or write (at most 35 s, because a call must be answered); fractions are allowed. The reply to the end of the data has its own, longer limit.");
    /// Further attempts.
    MAX_RETRIES = ("SMTP_MAX_RETRIES", Shared, DefaultValue::Number(3), "a whole number from 0 to 10", "Further connection attempts on one server after the first.");
    /// The identity.
    FROM_EMAIL = ("SMTP_FROM_EMAIL", Account, DefaultValue::Words("the username, if it is an address"), "one address, such as ada@example.org or Ada <ada@example.org>", "The sender when a call gives none.");
    /// Further senders.
    ALLOWED_FROM = ("SMTP_ALLOWED_FROM", Shared, DefaultValue::Words("the configured identities"), "addresses, *@domain, or *, separated by commas", "Further senders that a call may choose; any other is refused.");
    /// The server's name.
    NAME = ("SMTP_NAME", Account, DefaultValue::Words("`primary`, or `server_N`"), "a unique name without control characters", "");
    /// The priority.
    PRIORITY = ("SMTP_PRIORITY", Account, DefaultValue::Words("0, or 100 − N"), "a whole number", "Higher is tried first; ties in the order of the numbers.");
    /// A login without TLS.
    ALLOW_PLAINTEXT_AUTH = ("SMTP_ALLOW_PLAINTEXT_AUTH", Shared, DefaultValue::Switch(false), SWITCH, "Allows a login without TLS to a host other than this machine.");
    /// The name for EHLO.
    EHLO_NAME = ("SMTP_EHLO_NAME", Shared, DefaultValue::Words("the connection's own address"), "a host name or an address in brackets, in ASCII", "What EHLO names this machine.");
    /// Directories for attachments.
    ATTACHMENT_DIRS = ("SMTP_ATTACHMENT_DIRS", Global, DefaultValue::Words("none"), "existing directories, separated like PATH", "Where `path` attachments may come from; a relative path is looked up in each.");
    /// Recipients.
    MAX_RECIPIENTS = ("SMTP_MAX_RECIPIENTS", Global, DefaultValue::Number(100), "a whole number from 1 to 1000", "To, Cc and Bcc of one mail together.");
    /// Subject.
    MAX_SUBJECT_CHARS = ("SMTP_MAX_SUBJECT_CHARS", Global, DefaultValue::Number(998), "a whole number from 1 to 10000", "Characters of the subject after templating.");
    /// Body.
    MAX_BODY_SIZE_MB = ("SMTP_MAX_BODY_SIZE_MB", Global, DefaultValue::Number(10), "a whole number from 1 to 1024", "Of the body, in MiB.");
    /// One attachment.
    MAX_ATTACHMENT_SIZE_MB = ("SMTP_MAX_ATTACHMENT_SIZE_MB", Global, DefaultValue::Number(25), "a whole number from 1 to 1024", "Of one attachment, in MiB.");
    /// All attachments.
    MAX_TOTAL_ATTACHMENTS_SIZE_MB = ("SMTP_MAX_TOTAL_ATTACHMENTS_SIZE_MB", Global, DefaultValue::Number(50), "a whole number from 1 to 1024", "Of one mail's attachments together, in MiB.");
    /// Memory.
    MCP_MEMORY_LIMIT = ("SMTP_MCP_MEMORY_LIMIT", Global, DefaultValue::Number(512), "a whole number from 64 to 1048576", "In MiB: while the process holds more memory, no new calls are taken. Those in progress are finished.");
    /// Logs.
    LOG_LEVEL = ("LOG_LEVEL", Global, DefaultValue::Words("INFO"), "DEBUG, INFO, WARNING, ERROR or CRITICAL", "On stderr only. Rust's names (TRACE, WARN, OFF) and directives such as `info,rmcp=debug` work too.");
    /// The token of HTTP clients.
    MCP_HTTP_TOKEN = ("SMTP_MCP_HTTP_TOKEN", Global, DefaultValue::Words("none"), "visible ASCII characters without spaces", "HTTP only: what clients send as `Authorization: Bearer …`; long and random. Never shown and never logged.");
    /// The same, in a file.
    MCP_HTTP_TOKEN_FILE = ("SMTP_MCP_HTTP_TOKEN_FILE", Global, DefaultValue::Words("none"), "the path of a readable file with one line, the token", "HTTP only: instead of the variable.");
    /// Beyond loopback without a token.
    MCP_ALLOW_UNAUTHENTICATED = ("SMTP_MCP_ALLOW_UNAUTHENTICATED", Global, DefaultValue::Switch(false), SWITCH, "HTTP only: allows clients without a token on addresses other than loopback. Whoever reaches the port can send mail in your name.");
    /// Allowed host names.
    MCP_ALLOWED_HOSTS = ("SMTP_MCP_ALLOWED_HOSTS", Global, DefaultValue::Words("none"), "host names or addresses, each perhaps with a port, separated by commas", "HTTP only: the names under which clients may call the program, besides localhost, 127.0.0.1 and [::1].");
    /// Allowed origins.
    MCP_ALLOWED_ORIGINS = ("SMTP_MCP_ALLOWED_ORIGINS", Global, DefaultValue::Words("loopback origins"), "origins such as https://app.example.org, separated by commas", "HTTP only: which web pages may call the program. Other clients are not affected.");
    /// Connections of one address.
    MCP_CONNECTIONS_PER_ADDRESS = ("SMTP_MCP_CONNECTIONS_PER_ADDRESS", Global, DefaultValue::Number(256), "a whole number from 1 to 512", "HTTP only: of the 512 connections, how many one address may have. Behind a proxy all clients have one address.");
    /// The TOML file.
    MCP_CONFIG = ("SMTP_MCP_CONFIG", Process, DefaultValue::Words("`$XDG_CONFIG_HOME/smtp-mcp-server/config.toml`, if it is there"), "the path of a readable TOML file", "As `--config`, which wins.");
}

/// Names that begin with SMTP_ and are used by other parts of the program.
pub const NOT_SETTINGS: &[&str] = &["SMTP_MCP_CONFIG"];

impl Variable {
    /// The TOML key: the name in lower case, without `SMTP_`.
    pub fn toml_key(&self) -> String {
        self.name.strip_prefix("SMTP_").unwrap_or(self.name).to_ascii_lowercase()
    }

    /// Whether it may have a number.
    pub fn is_per_server(&self) -> bool {
        matches!(self.scope, Scope::Account | Scope::Shared)
    }

    /// The default if it is a number, else 0.
    pub fn number(&self) -> u32 {
        match self.default {
            DefaultValue::Number(number) => number,
            _ => 0,
        }
    }

    /// The default if it is a switch, else false.
    pub fn switch(&self) -> bool {
        matches!(self.default, DefaultValue::Switch(true))
    }
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            recipients: MAX_RECIPIENTS.number() as usize,
            subject_chars: MAX_SUBJECT_CHARS.number() as usize,
            body_bytes: mebibytes(MAX_BODY_SIZE_MB.number()),
            attachment_bytes: mebibytes(MAX_ATTACHMENT_SIZE_MB.number()),
            attachments_bytes: mebibytes(MAX_TOTAL_ATTACHMENTS_SIZE_MB.number()),
        }
    }
}

impl Default for MemoryLimit {
    fn default() -> Self {
        Self(mebibytes(MCP_MEMORY_LIMIT.number()))
    }
}

/// Mebibytes, in bytes.
pub fn mebibytes(number: u32) -> usize {
    (number as usize) << 20
}

/// The reference table, in Markdown, with its heading and a line break at the end.
pub fn variables_table() -> String {
    let mut table = String::from("| variable | TOML key | default | rule |\n| --- | --- | --- | --- |\n");
    for variable in VARIABLES {
        let number = if variable.is_per_server() { "`, `…_N" } else { "" };
        let key = if variable.scope == Scope::Process {
            String::new()
        } else {
            format!("`{}`", variable.toml_key())
        };
        let default = default_words(variable.default);
        let rule = [capitalised(variable.expected) + ".", variable.note.to_owned()].join(" ");
        let _ = writeln!(
            table,
            "| `{}{number}` | {key} | {default} | {} |",
            variable.name,
            escaped(rule.trim_end())
        );
    }
    table
}

fn default_words(default: DefaultValue) -> String {
    match default {
        DefaultValue::Required => "required".to_owned(),
        DefaultValue::Number(number) => number.to_string(),
        DefaultValue::Switch(on) => on.to_string(),
        DefaultValue::Words(words) => words.to_owned(),
    }
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// In Markdown a star is emphasis, an angle bracket is HTML and a bar ends the cell.
fn escaped(text: &str) -> String {
    text.replace('*', "\\*").replace('<', "\\<").replace('|', "\\|")
}
