//! Every variable, once: its name, its default, its rule. The reference table in `docs/configuration.md` is made from here.

use std::fmt::Write as _;

use super::CallLimits;

/// One setting: a variable, and the TOML key of the same name in lower case without `SMTP_`.
#[derive(Debug)]
pub struct Variable {
    /// The variable's name, without a number.
    pub name: &'static str,
    /// Where it may stand.
    pub scope: Scope,
    /// What holds when it is not set.
    pub default: Fallback,
    /// What it must be; completes the sentence "expected …".
    pub expected: &'static str,
    /// What else a reader should know; may be empty.
    pub note: &'static str,
}

/// Whom a variable concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One server's account: it never holds for another server.
    Account,
    /// One server; without a number it is the default of all.
    Shared,
    /// The program.
    Global,
    /// The program; it stands in the environment only.
    Process,
}

/// What holds when a variable is not set.
#[derive(Debug, Clone, Copy)]
pub enum Fallback {
    /// It must be set.
    Required,
    /// A number.
    Number(u32),
    /// A switch.
    Switch(bool),
    /// Something that depends on other settings, in words.
    Words(&'static str),
}

const SWITCH: &str = "one of true, 1, yes, on, false, 0, no, off";

/// A row of the table.
const fn row(
    name: &'static str,
    scope: Scope,
    default: Fallback,
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
    HOST = ("SMTP_HOST", Account, Fallback::Required, "a host name or an address, without scheme and port", "");
    /// Its port.
    PORT = ("SMTP_PORT", Account, Fallback::Words("587, or 465 with SSL"), "a whole number from 1 to 65535", "");
    /// The login name.
    USERNAME = ("SMTP_USERNAME", Account, Fallback::Words("none"), "a login name without control characters", "Set both or neither of name and password; neither is a relay that needs no login.");
    /// The password.
    PASSWORD = ("SMTP_PASSWORD", Account, Fallback::Words("none"), "a password without control characters", "Never shown and never logged.");
    /// STARTTLS.
    USE_TLS = ("SMTP_USE_TLS", Account, Fallback::Switch(true), SWITCH, "STARTTLS, required: a server that does not offer it gets no mail.");
    /// Implicit TLS.
    USE_SSL = ("SMTP_USE_SSL", Account, Fallback::Switch(false), SWITCH, "TLS from the first byte, usually on port 465. Set alone, it switches STARTTLS off; both set to true is an error.");
    /// A CA.
    CA_FILE = ("SMTP_CA_FILE", Shared, Fallback::Words("the platform's roots"), "a readable PEM file with at least one certificate", "A CA, or the server's own self-signed certificate.");
    /// Patience.
    TIMEOUT = ("SMTP_TIMEOUT", Shared, Fallback::Number(30), "seconds, more than 0 and at most 300", "To connect, and for each SMTP command or write (35 s at most: a call must be answered); fractions are allowed. The answer to the end of the data has its own, longer limit.");
    /// Further attempts.
    MAX_RETRIES = ("SMTP_MAX_RETRIES", Shared, Fallback::Number(3), "a whole number from 0 to 10", "Further connection attempts on one server after the first.");
    /// The identity.
    FROM_EMAIL = ("SMTP_FROM_EMAIL", Account, Fallback::Words("the username, if it is an address"), "one address, such as ada@example.org or Ada <ada@example.org>", "The sender when a call gives none.");
    /// Further senders.
    ALLOWED_FROM = ("SMTP_ALLOWED_FROM", Shared, Fallback::Words("the configured identities"), "addresses, *@domain, or *, separated by commas", "Further senders that a call may choose; any other is refused.");
    /// What it is called.
    NAME = ("SMTP_NAME", Account, Fallback::Words("`primary`, or `server_N`"), "a unique name without control characters", "");
    /// Which is tried first.
    PRIORITY = ("SMTP_PRIORITY", Account, Fallback::Words("0, or 100 − N"), "a whole number", "Higher is tried first; ties in the order of the numbers.");
    /// A login without TLS.
    ALLOW_PLAINTEXT_AUTH = ("SMTP_ALLOW_PLAINTEXT_AUTH", Shared, Fallback::Switch(false), SWITCH, "Lets a login travel without TLS to a host that is not this machine.");
    /// What EHLO says.
    EHLO_NAME = ("SMTP_EHLO_NAME", Shared, Fallback::Words("the connection's own address"), "a host name or an address in brackets, in ASCII", "What EHLO names this machine.");
    /// Where attachments lie.
    ATTACHMENT_DIRS = ("SMTP_ATTACHMENT_DIRS", Global, Fallback::Words("none"), "existing directories, separated like PATH", "Where `path` attachments may come from; a relative path is looked up in each.");
    /// Recipients.
    MAX_RECIPIENTS = ("SMTP_MAX_RECIPIENTS", Global, Fallback::Number(100), "a whole number from 1 to 1000", "To, Cc and Bcc of one mail together.");
    /// Subject.
    MAX_SUBJECT_CHARS = ("SMTP_MAX_SUBJECT_CHARS", Global, Fallback::Number(998), "a whole number from 1 to 10000", "Characters of the subject after templating.");
    /// Body.
    MAX_BODY_SIZE_MB = ("SMTP_MAX_BODY_SIZE_MB", Global, Fallback::Number(10), "a whole number from 1 to 1024", "Of the body, in MiB.");
    /// One attachment.
    MAX_ATTACHMENT_SIZE_MB = ("SMTP_MAX_ATTACHMENT_SIZE_MB", Global, Fallback::Number(25), "a whole number from 1 to 1024", "Of one attachment, in MiB.");
    /// All attachments.
    MAX_TOTAL_ATTACHMENTS_SIZE_MB = ("SMTP_MAX_TOTAL_ATTACHMENTS_SIZE_MB", Global, Fallback::Number(50), "a whole number from 1 to 1024", "Of one mail's attachments together, in MiB.");
    /// Logs.
    LOG_LEVEL = ("LOG_LEVEL", Global, Fallback::Words("INFO"), "DEBUG, INFO, WARNING, ERROR or CRITICAL", "On stderr only. Rust's names (TRACE, WARN, OFF) and directives such as `info,rmcp=debug` work too.");
    /// What HTTP clients must show.
    MCP_HTTP_TOKEN = ("SMTP_MCP_HTTP_TOKEN", Global, Fallback::Words("none"), "visible ASCII characters without spaces", "HTTP only: what clients send as `Authorization: Bearer …`; long and random. Never shown and never logged.");
    /// The same, in a file.
    MCP_HTTP_TOKEN_FILE = ("SMTP_MCP_HTTP_TOKEN_FILE", Global, Fallback::Words("none"), "the path of a readable file with one line, the token", "HTTP only: instead of the variable.");
    /// Beyond loopback without a token.
    MCP_ALLOW_UNAUTHENTICATED = ("SMTP_MCP_ALLOW_UNAUTHENTICATED", Global, Fallback::Switch(false), SWITCH, "HTTP only: whoever reaches the port may send mail in your name. Without it and without a token, only loopback is listened on.");
    /// Names of this program.
    MCP_ALLOWED_HOSTS = ("SMTP_MCP_ALLOWED_HOSTS", Global, Fallback::Words("none"), "host names or addresses, each perhaps with a port, separated by commas", "HTTP only: by which names clients may call the program, besides localhost, 127.0.0.1 and [::1].");
    /// Web pages.
    MCP_ALLOWED_ORIGINS = ("SMTP_MCP_ALLOWED_ORIGINS", Global, Fallback::Words("those of this machine"), "origins such as https://app.example.org, separated by commas", "HTTP only: which web pages may call the program. Clients that are no web pages are not concerned.");
    /// The TOML file.
    MCP_CONFIG = ("SMTP_MCP_CONFIG", Process, Fallback::Words("`$XDG_CONFIG_HOME/smtp-mcp-server/config.toml`, if it is there"), "the path of a readable TOML file", "As `--config`, which wins.");
}

/// Names of other parts of the program, which are no unknown variables.
pub const FOREIGN: &[&str] = &["SMTP_MCP_CONFIG"];

impl Variable {
    /// The TOML key: the name in lower case, without `SMTP_`.
    pub fn toml_key(&self) -> String {
        self.name.strip_prefix("SMTP_").unwrap_or(self.name).to_ascii_lowercase()
    }

    /// Whether it may carry a number.
    pub fn is_per_server(&self) -> bool {
        matches!(self.scope, Scope::Account | Scope::Shared)
    }

    /// The default, where it is a number; else 0.
    pub fn number(&self) -> u32 {
        match self.default {
            Fallback::Number(number) => number,
            _ => 0,
        }
    }

    /// The default, where it is a switch; else off.
    pub fn switch(&self) -> bool {
        matches!(self.default, Fallback::Switch(true))
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

/// What people call MB, in bytes.
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

fn default_words(default: Fallback) -> String {
    match default {
        Fallback::Required => "required".to_owned(),
        Fallback::Number(number) => number.to_string(),
        Fallback::Switch(on) => on.to_string(),
        Fallback::Words(words) => words.to_owned(),
    }
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// Markdown would take a star for emphasis, an angle bracket for HTML and a bar for the end of the cell.
fn escaped(text: &str) -> String {
    text.replace('*', "\\*").replace('<', "\\<").replace('|', "\\|")
}
