//! Every setting, once. The reference table in `docs/configuration.md` is generated from it.

use std::path::Path;
use std::time::Duration;

use super::host::{parse_ehlo_name, parse_host};
use super::setting::Setting;
use super::shown::{auth_method, in_days, in_mebibytes, is_set, limit, list, or_none, patterns, time, tools};
use super::variable::{SWITCH, row};
use super::{
    CallLimits, Encryption, MemoryLimit, OutboxLimits, OutboxLocation, Retention, SenderRule, policy_value,
    value,
};
use crate::address::Address;
use crate::limits::mebibytes;

pub(super) use super::variable::{Assignment, toml_key};
pub use super::variable::{DefaultValue, Field, Scope, Target, Variable};

/// The target of a variable: the field, how it is parsed, and how its value is shown.
macro_rules! field {
    ($target:ident: $($field:ident).+, $parse:expr, $show:expr) => {
        Target::$target(Field {
            read: |setting, base| {
                let parse: fn(&Setting, Option<&Path>) -> Result<_, String> = $parse;
                let value = parse(setting, base)?;
                Ok(Box::new(move |config| config.$($field).+ = value))
            },
            show: $show,
            is_same: |one, other| one.$($field).+ == other.$($field).+,
        })
    };
}

macro_rules! variables {
    ($($ident:ident = $row:expr;)*) => {
        $(pub(super) static $ident: Variable = $row;)*

        /// Every variable, in the order of the reference table.
        pub static VARIABLES: &[&Variable] = &[$(&$ident),*];
    };
}

use DefaultValue::{Number, Required, Switch, Words};
use Scope::{Account, Global, Process, Shared, Startup};

variables! {
    HOST = row("SMTP_HOST", Account, Required, "a host name or an address, without scheme and port", "",
        field!(Server: host, |setting, _| parse_host(&value::plain(setting)?), |server| Some(server.host.clone())));
    PORT = row("SMTP_PORT", Account, Words("587, or 465 with SSL"), "a whole number from 1 to 65535", "465 means implicit TLS, unless `SMTP_USE_SSL=false` is set.",
        field!(Server: port, |setting, _| value::port(setting), |server| Some(server.port.to_string())));
    USE_TLS = row("SMTP_USE_TLS", Account, Switch(true), SWITCH, "STARTTLS, required: a server that does not offer it gets no mail.",
        field!(Server: encryption, |setting, _| {
            value::switch(setting).map(|on| if on { Encryption::StartTls } else { Encryption::None })
        }, |server| match server.encryption {
            Encryption::StartTls => Some("true: STARTTLS, required".to_owned()),
            Encryption::None => Some("false: no encryption".to_owned()),
            Encryption::Implicit => None,
        }));
    // After USE_TLS, which it overrides.
    USE_SSL = row("SMTP_USE_SSL", Account, Switch(false), SWITCH, "Implicit TLS, usually on port 465. Set alone, it turns STARTTLS off; setting both to true is an error.",
        Target::Server(Field {
            read: |setting, _| {
                let on = value::switch(setting)?;
                Ok(Box::new(move |server| if on { server.encryption = Encryption::Implicit }))
            },
            show: |server| (server.encryption == Encryption::Implicit).then(|| "true: implicit TLS".to_owned()),
            is_same: |one, other| one.encryption == other.encryption,
        }));
    USERNAME = row("SMTP_USERNAME", Account, Words("none"), "a login name without control characters", "Set it together with one source of a password or token, or neither for a relay without login. `SMTP_USER` is the same.",
        field!(Server: username, |setting, _| value::plain(setting).map(Some), |server| or_none(server.masked_username())));
    AUTH = row("SMTP_AUTH", Account, Words("auto"), "one of auto, password, oauth", "Which of the following counts; `auto`: the one that is set.",
        field!(Server: login.auth, |setting, _| value::auth_method(setting), |server| auth_method(server)));
    PASSWORD = Variable { is_secret: true, ..row("SMTP_PASSWORD", Account, Words("none"), "a password without control characters", "Never shown and never logged. `SMTP_PASS` is the same.",
        field!(Server: login.password, |setting, _| value::secret(setting).map(Some), |server| is_set(server.login.password.is_some()))) };
    PASSWORD_FILE = row("SMTP_PASSWORD_FILE", Account, Words("none"), "the path of a readable file with one line, the password", "Instead of the variable, such as a container's secret. Read at the start and at a reload.",
        field!(Server: login.password_file, |setting, base| value::password_file(setting, base).map(Some), |server| {
            server.login.password_file.as_ref().map(|file| file.path.display().to_string())
        }));
    PASSWORD_COMMAND = Variable { is_secret: true, ..row("SMTP_PASSWORD_COMMAND", Account, Words("none"), "a command line for the shell, or in TOML a list: a program and its arguments", "Prints the password, such as `pass show mail`. Run at each login, for at most 20 s.",
        field!(Server: login.password_command, |setting, _| value::command(setting).map(Some), |server| {
            server.login.password_command.as_ref().map(|_| "set".to_owned())
        })) };
    TOKEN_FILE = row("SMTP_TOKEN_FILE", Account, Words("none"), "the path of a readable file with one line, an OAuth access token", "Instead of the password (XOAUTH2 or OAUTHBEARER). It is read at each login, so another program may refresh it.",
        field!(Server: login.token_file, |setting, base| value::access_token_file(setting, base).map(Some), |server| {
            server.login.token_file.as_ref().map(|path| path.display().to_string())
        }));
    TOKEN_COMMAND = Variable { is_secret: true, ..row("SMTP_TOKEN_COMMAND", Account, Words("none"), "a command line for the shell, or in TOML a list: a program and its arguments", "Prints an access token, or JSON with `access_token` and `expires_in`, which is then kept that long. Run for at most 20 s.",
        field!(Server: login.token_command, |setting, _| value::command(setting).map(Some), |server| {
            server.login.token_command.as_ref().map(|_| "set".to_owned())
        })) };
    OAUTH_CLIENT_ID = row("SMTP_OAUTH_CLIENT_ID", Account, Words("none"), "the id of an application registered at the provider", "For `login`, and for the tokens that the program gets itself from then on.",
        field!(Server: login.client_id, |setting, _| value::plain(setting).map(Some), |server| server.login.client_id.clone()));
    OAUTH_CLIENT_SECRET = Variable { is_secret: true, ..row("SMTP_OAUTH_CLIENT_SECRET", Account, Words("none"), "the application's secret, where the provider wants one", "Never shown and never logged.",
        field!(Server: login.client_secret, |setting, _| value::secret(setting).map(Some), |server| {
            server.login.client_secret.as_ref().map(|_| "set".to_owned())
        })) };
    OAUTH_ISSUER = row("SMTP_OAUTH_ISSUER", Account, Words("none"), "an https URL such as https://login.microsoftonline.com/TENANT/v2.0", "For services: the application gets tokens for itself there (client credentials), and nobody signs in.",
        field!(Server: login.issuer, |setting, _| value::issuer(setting).map(Some), |server| server.login.issuer.clone()));
    OAUTH_SCOPE = row("SMTP_OAUTH_SCOPE", Account, Words("the provider's scope for mail"), "scopes, separated by spaces", "With `SMTP_OAUTH_ISSUER`, what the application asks for.",
        field!(Server: login.scope, |setting, _| value::plain(setting).map(Some), |server| server.login.scope.clone()));
    ALLOW_PLAINTEXT_AUTH = row("SMTP_ALLOW_PLAINTEXT_AUTH", Shared, Switch(false), SWITCH, "Allows a login without TLS to a host other than this machine.",
        field!(Server: allow_plaintext_auth, |setting, _| value::switch(setting), |server| Some(server.allow_plaintext_auth.to_string())));
    CA_FILE = row("SMTP_CA_FILE", Shared, Words("the platform's roots"), "a readable PEM file with at least one certificate", "A CA, or the server's own certificate, which then stands only for itself.",
        field!(Server: ca, |setting, base| value::ca_file(setting, base).map(Some), |server| {
            Some(server.ca.as_ref().map_or_else(|| "the platform's roots".to_owned(), |ca| ca.path.display().to_string()))
        }));
    TIMEOUT = row("SMTP_TIMEOUT", Shared, Number(30), "seconds, more than 0 and at most 300", "For connecting, and for each SMTP command or write (at most 35 s, because a call must be answered); fractions are allowed. The replies after the last byte of a mail was sent have their own, longer limit.",
        field!(Server: timeout, |setting, _| value::seconds(setting), |server| Some(format!("{} s", server.timeout.as_secs_f64()))));
    MAX_RETRIES = row("SMTP_MAX_RETRIES", Shared, Number(3), "a whole number from 0 to 10", "Further connection attempts on one server after the first.",
        field!(Server: max_retries, |setting, _| value::number(setting, 0..=10), |server| Some(server.max_retries.to_string())));
    FROM_EMAIL = row("SMTP_FROM_EMAIL", Account, Words("the username, if it is an address"), "one address, such as ada@example.org or Ada <ada@example.org>", "The sender when a call gives none.",
        field!(Server: identity, |setting, _| value::mailbox(setting), |server| Some(server.identity.address.masked())));
    ALLOWED_FROM = row("SMTP_ALLOWED_FROM", Shared, Words("the configured identities"), "addresses, *@domain, or *, separated by commas", "Further senders that a call may choose; any other is refused.",
        field!(Server: allowed_from, |setting, _| value::sender_rules(setting), |server| {
            list(server.allowed_from.iter().map(SenderRule::masked), "the identity only")
        }));
    NAME = row("SMTP_NAME", Account, Words("`primary`, or `server_N`"), "a unique name without control characters", "",
        field!(Server: name, |setting, _| value::plain(setting), |_| None));
    PRIORITY = row("SMTP_PRIORITY", Account, Words("0, or 100 − N"), "a whole number", "Higher is tried first; ties in the order of the numbers.",
        field!(Server: priority, |setting, _| value::priority(setting), |server| Some(server.priority.to_string())));
    EHLO_NAME = row("SMTP_EHLO_NAME", Shared, Words("the connection's own address"), "a host name or an address in brackets, in ASCII", "What EHLO names this machine.",
        field!(Server: ehlo_name, |setting, _| parse_ehlo_name(&value::plain(setting)?).map(Some), |server| {
            Some(server.ehlo_name.clone().unwrap_or_else(|| "the connection's own address".to_owned()))
        }));
    MAX_CONNECTIONS = row("SMTP_MAX_CONNECTIONS", Shared, Number(4), "a whole number from 1 to 100", "How many connections to the server may be open. They are opened as mails wait, and closed when they are idle.",
        field!(Server: max_connections, |setting, _| value::count(setting, 1..=100), |server| Some(server.max_connections.to_string())));
    MAX_RATE = row("SMTP_MAX_RATE", Shared, Words("no limit"), "a whole number from 1 to 100000", "How many mails a minute this program sends through the server at most; the others wait in the outbox. Microsoft 365 allows 30.",
        field!(Server: max_rate, |setting, _| value::count(setting, 1..=100_000).map(Some), |server| {
            Some(server.max_rate.map_or_else(|| "no limit".to_owned(), |rate| rate.to_string()))
        }));
    PIPELINING = row("SMTP_PIPELINING", Shared, Switch(true), SWITCH, "Sends several commands at a time if the server offers PIPELINING. Set it to false if it offers it and fails.",
        field!(Server: pipelining, |setting, _| value::switch(setting), |server| Some(server.pipelining.to_string())));
    CHUNKING = row("SMTP_CHUNKING", Shared, Switch(true), SWITCH, "Sends the mail with BDAT if the server offers CHUNKING. Set it to false if it offers it and fails.",
        field!(Server: chunking, |setting, _| value::switch(setting), |server| Some(server.chunking.to_string())));
    ATTACHMENT_DIRS = row("SMTP_ATTACHMENT_DIRS", Global, Words("none"), "existing directories, separated like PATH", "Where `path` attachments may come from; a relative path is looked up in each. As `--attachment-dir`, which may be repeated and wins.",
        field!(Program: attachment_dirs, value::directories, |config| {
            list(config.attachment_dirs.iter().map(|path| path.display().to_string()), "none")
        }));
    ATTACHMENT_HIDDEN = row("SMTP_ATTACHMENT_HIDDEN", Global, Switch(false), SWITCH, "Allows `path` attachments whose names, or those of their directories, begin with a dot.",
        field!(Program: attach_hidden, |setting, _| value::switch(setting), |config| Some(config.attach_hidden.to_string())));
    POLICY = row("SMTP_POLICY", Global, Words("careful"), "one of open, careful, strict", "`open`: no limits but those that are set. `careful`: 500 mails an hour, 2,000 a day. `strict`: also requires `SMTP_ALLOWED_RECIPIENTS`, and a person approves what goes outside `SMTP_INTERNAL_DOMAINS` or to someone for the first time.",
        field!(Program: policy.preset, |setting, _| policy_value::preset(setting), |config| Some(config.policy.preset.word().to_owned())));
    APPROVAL = row("SMTP_APPROVAL", Global, Words("rules"), "one of rules, always, never", "Which mails are held until a person approves them (`outbox approve`): those that the rules ask about, or all. `never`: what the rules ask about is refused.",
        field!(Program: policy.approval, |setting, _| policy_value::approval(setting), |config| Some(config.policy.approval.word().to_owned())));
    APPROVAL_TTL = row("SMTP_APPROVAL_TTL", Global, Words("24h"), "a time from 1s to 30d, such as 90m, 24h or 7d", "How long a mail waits for approval; then it is cancelled.",
        field!(Program: policy.approval_ttl, |setting, _| policy_value::ttl(setting), |config| Some(time(config.policy.approval_ttl))));
    ALLOWED_RECIPIENTS = row("SMTP_ALLOWED_RECIPIENTS", Global, Words("everybody"), "addresses, *@domain, *.domain, or *, separated by commas", "Only they may be written to, in To, Cc or Bcc; one other recipient refuses the whole mail. `*.domain` is about subdomains.",
        field!(Program: policy.allowed, |setting, _| policy_value::recipient_patterns(setting), |config| patterns(&config.policy.allowed, "everybody")));
    DENIED_RECIPIENTS = row("SMTP_DENIED_RECIPIENTS", Global, Words("none"), "addresses, *@domain, *.domain, or *, separated by commas", "They may not be written to, even if they are allowed; one of them refuses the whole mail.",
        field!(Program: policy.denied, |setting, _| policy_value::recipient_patterns(setting), |config| patterns(&config.policy.denied, "none")));
    INTERNAL_DOMAINS = row("SMTP_INTERNAL_DOMAINS", Global, Words("the senders' domains, unless they are a public provider's"), "domains such as example.org, or *.example.org for its subdomains, separated by commas", "With `SMTP_POLICY=strict`, whose addresses are one's own.",
        field!(Program: policy.internal_domains, |setting, _| policy_value::domains(setting), |config| patterns(&config.policy.internal_domains, "none")));
    MAX_PER_HOUR = row("SMTP_MAX_PER_HOUR", Global, Words("500, or 0 with `SMTP_POLICY=open`"), "a whole number from 0 to 1000000", "Mails that are taken in any 60 minutes, by all programs with this outbox together; 0 is no limit.",
        field!(Program: policy.max_per_hour, |setting, _| value::number(setting, 0..=1_000_000).map(Some), |config| Some(limit(config.policy.quota().per_hour))));
    MAX_PER_DAY = row("SMTP_MAX_PER_DAY", Global, Words("2000, or 0 with `SMTP_POLICY=open`"), "a whole number from 0 to 1000000", "The same for any 24 hours.",
        field!(Program: policy.max_per_day, |setting, _| value::number(setting, 0..=1_000_000).map(Some), |config| Some(limit(config.policy.quota().per_day))));
    MODE = row("SMTP_MODE", Global, Words("live"), "one of live, dry_run, redirect, capture", "`dry_run`: nothing is sent. `redirect`: every mail goes to `SMTP_REDIRECT_TO` alone. `capture`: mails become files in `SMTP_CAPTURE_DIR`. In the environment of the program it cannot be changed by a file or a reload.",
        field!(Program: mode, |setting, _| policy_value::mode(setting), |config| Some(config.mode.word().to_owned())));
    REDIRECT_TO = row("SMTP_REDIRECT_TO", Global, Words("none"), "one address", "With `SMTP_MODE=redirect`, who gets every mail. The recipients it was for are in `X-Original-To`.",
        field!(Program: redirect_to, |setting, _| value::address(setting).map(Some), |config| or_none(config.redirect_to.as_ref().map(Address::masked))));
    CAPTURE_DIR = row("SMTP_CAPTURE_DIR", Global, Words("none"), "a directory, which is created when it is needed", "With `SMTP_MODE=capture`, where mails are kept as .eml files.",
        field!(Program: capture_dir, |setting, base| value::path(setting, base).map(Some), |config| {
            or_none(config.capture_dir.as_ref().map(|path| path.display().to_string()))
        }));
    DEFAULT_BCC = row("SMTP_DEFAULT_BCC", Global, Words("none"), "addresses, separated by commas", "They get a hidden copy of every mail, besides the recipients of the call.",
        field!(Program: default_bcc, |setting, _| value::mailboxes(setting), |config| {
            list(config.default_bcc.iter().map(|mailbox| mailbox.address.masked()), "none")
        }));
    MAX_RECIPIENTS = row("SMTP_MAX_RECIPIENTS", Global, Number(100), "a whole number from 1 to 1000", "To, Cc and Bcc of one mail together.",
        field!(Program: limits.recipients, |setting, _| value::count(setting, 1..=1000), |config| Some(config.limits.recipients.to_string())));
    MAX_SUBJECT_CHARS = row("SMTP_MAX_SUBJECT_CHARS", Global, Number(998), "a whole number from 1 to 10000", "Characters of the subject after templating.",
        field!(Program: limits.subject_chars, |setting, _| value::count(setting, 1..=10_000), |config| Some(config.limits.subject_chars.to_string())));
    MAX_BODY_SIZE_MB = row("SMTP_MAX_BODY_SIZE_MB", Global, Number(10), "a whole number from 1 to 1024", "Of the body, in MiB.",
        field!(Program: limits.body_bytes, |setting, _| value::mebibytes(setting, 1..=1024), |config| in_mebibytes(config.limits.body_bytes)));
    MAX_ATTACHMENT_SIZE_MB = row("SMTP_MAX_ATTACHMENT_SIZE_MB", Global, Number(25), "a whole number from 1 to 1024", "Of one attachment, in MiB.",
        field!(Program: limits.attachment_bytes, |setting, _| value::mebibytes(setting, 1..=1024), |config| in_mebibytes(config.limits.attachment_bytes)));
    MAX_TOTAL_ATTACHMENTS_SIZE_MB = row("SMTP_MAX_TOTAL_ATTACHMENTS_SIZE_MB", Global, Number(50), "a whole number from 1 to 1024", "Of one mail's attachments together, in MiB.",
        field!(Program: limits.attachments_bytes, |setting, _| value::mebibytes(setting, 1..=1024), |config| in_mebibytes(config.limits.attachments_bytes)));
    MCP_MEMORY_LIMIT = row("SMTP_MCP_MEMORY_LIMIT", Startup, Number(512), "a whole number from 64 to 1048576", "In MiB: while the process holds more memory, no new calls are taken. Those in progress are finished.",
        field!(Program: memory_limit, |setting, _| value::mebibytes(setting, 64..=1 << 20).map(MemoryLimit), |config| in_mebibytes(config.memory_limit.0)));
    MCP_STATE_DIR = row("SMTP_MCP_STATE_DIR", Global, Words("`$STATE_DIRECTORY`, or `$XDG_STATE_HOME/smtp-mcp-server`, or `~/.local/state/smtp-mcp-server`"), "a directory, which is created when it is needed", "Where stored logins are, and the outbox unless `SMTP_MCP_OUTBOX` says otherwise.",
        field!(Program: state_dir, |setting, base| value::path(setting, base).map(Some), |config| {
            or_none(config.state_dir.as_ref().map(|path| path.display().to_string()))
        }));
    MCP_OUTBOX = row("SMTP_MCP_OUTBOX", Startup, Words("`sqlite:` and `outbox/outbox.db` in the state directory"), "sqlite:PATH, a file in a directory that can be written to, or memory", "Where messages are kept until they are sent. `memory`: they end with the program.",
        field!(Program: outbox, |setting, base| value::outbox(setting, base).map(Some), |config| {
            or_none(config.outbox.as_ref().map(OutboxLocation::word))
        }));
    ON_UNKNOWN = row("SMTP_ON_UNKNOWN", Global, Words("manual"), "one of manual, retry, assume_sent", "When a server gave no final answer: a person decides, the same mail is sent again, or it counts as sent.",
        field!(Program: on_unknown, |setting, _| value::on_unknown(setting), |config| Some(config.on_unknown.word().to_owned())));
    UNDO_SECONDS = row("SMTP_UNDO_SECONDS", Global, Number(0), "seconds, a whole number from 0 to 3600", "How long a mail waits before it is sent, so that it can be cancelled, if the call does not say (`undo_seconds`).",
        field!(Program: undo, |setting, _| value::number(setting, 0..=3600).map(|seconds| Duration::from_secs(seconds.into())), |config| Some(format!("{} s", config.undo.as_secs()))));
    KEEP_CONTENT_DAYS = row("SMTP_KEEP_CONTENT_DAYS", Global, Number(7), "a whole number from 0 to 3650", "How many days the content of a mail is kept after its end; 0: it is deleted then. Without it the mail cannot be sent again.",
        field!(Program: retention.content, |setting, _| value::days(setting), |config| Some(in_days(config.retention.content))));
    KEEP_RECORD_DAYS = row("SMTP_KEEP_RECORD_DAYS", Global, Number(90), "a whole number from 0 to 3650", "How many days it is kept who got the mail and when; 0: for about a minute after its end. Duplicates and first contacts are recognised by it.",
        field!(Program: retention.record, |setting, _| value::days(setting), |config| Some(in_days(config.retention.record))));
    OUTBOX_MIN_FREE = row("SMTP_OUTBOX_MIN_FREE", Global, Number(64), "a whole number from 0 to 1048576", "In MiB: no mail is taken if less than this and twice its size would be free on the disk.",
        field!(Program: outbox_limits.min_free, |setting, _| value::mebibytes(setting, 0..=1 << 20).map(|bytes| bytes as u64), |config| Some(format!("{} MiB", config.outbox_limits.min_free >> 20))));
    OUTBOX_MAX_SIZE = row("SMTP_OUTBOX_MAX_SIZE", Global, Number(10_240), "a whole number from 1 to 1048576", "In MiB: no mail is taken that would make the outbox larger than this.",
        field!(Program: outbox_limits.max_size, |setting, _| value::mebibytes(setting, 1..=1 << 20).map(|bytes| bytes as u64), |config| Some(format!("{} MiB", config.outbox_limits.max_size >> 20))));
    OUTBOX_MAX_WAITING = row("SMTP_OUTBOX_MAX_WAITING", Global, Number(100_000), "a whole number from 1 to 10000000", "No mail is taken while this many wait, those to be sent later included.",
        field!(Program: outbox_limits.max_waiting, |setting, _| value::number(setting, 1..=10_000_000), |config| Some(config.outbox_limits.max_waiting.to_string())));
    LOG_LEVEL = row("LOG_LEVEL", Startup, Words("INFO"), "DEBUG, INFO, WARNING, ERROR or CRITICAL", "On stderr only. Rust's names (TRACE, WARN, OFF) and directives such as `info,rmcp=debug` work too.",
        field!(Program: log_filter, |setting, _| value::log_filter(setting), |_| None));
    MCP_HTTP_TOKEN = Variable { is_secret: true, ..row("SMTP_MCP_HTTP_TOKEN", Startup, Words("none"), "at least 16 visible ASCII characters without spaces", "HTTP only: what clients send as `Authorization: Bearer …`; `openssl rand -hex 32` makes a good one. Never shown and never logged.",
        field!(Program: http.own_token, |setting, _| value::token(setting).map(Some), |config| {
            if config.http.token_file.is_some() { None } else { is_set(config.http.own_token.is_some()) }
        })) };
    MCP_HTTP_TOKEN_FILE = row("SMTP_MCP_HTTP_TOKEN_FILE", Startup, Words("none"), "the path of a readable file with one line, the token", "HTTP only: instead of the variable.",
        field!(Program: http.token_file, |setting, base| value::token_file(setting, base).map(Some), |config| {
            config.http.token_file.as_ref().map(|file| file.path.display().to_string())
        }));
    MCP_ALLOW_UNAUTHENTICATED = row("SMTP_MCP_ALLOW_UNAUTHENTICATED", Startup, Switch(false), SWITCH, "HTTP only: allows clients without a token on addresses other than loopback. Whoever reaches the port can send mail in your name.",
        field!(Program: http.allow_unauthenticated, |setting, _| value::switch(setting), |config| Some(config.http.allow_unauthenticated.to_string())));
    MCP_ALLOWED_HOSTS = row("SMTP_MCP_ALLOWED_HOSTS", Startup, Words("none"), "host names or addresses, each perhaps with a port, separated by commas", "HTTP only: the names under which clients may call the program, besides localhost, 127.0.0.1 and [::1].",
        field!(Program: http.allowed_hosts, |setting, _| value::authorities(setting), |config| list(config.http.allowed_hosts.iter(), "none")));
    MCP_ALLOWED_ORIGINS = row("SMTP_MCP_ALLOWED_ORIGINS", Startup, Words("loopback origins"), "origins such as https://app.example.org, separated by commas", "HTTP only: which web pages may call the program. Other clients are not affected.",
        field!(Program: http.allowed_origins, |setting, _| value::web_origins(setting), |config| list(config.http.allowed_origins.iter(), "loopback origins")));
    MCP_CONNECTIONS_PER_ADDRESS = row("SMTP_MCP_CONNECTIONS_PER_ADDRESS", Startup, Number(256), "a whole number from 1 to 512", "HTTP only: of the 512 connections, how many one address may have. Behind a proxy all clients have one address.",
        field!(Program: http.connections_per_address, |setting, _| value::count(setting, 1..=512), |config| Some(config.http.connections_per_address.to_string())));
    MCP_TOOLS = row("SMTP_MCP_TOOLS", Startup, Words("all"), "names of tools, or the groups send, status and admin, separated by commas", "Only these tools are offered. As `--tools`, which wins.",
        field!(Program: tools.only, |setting, _| value::tools(setting).map(Some), |config| tools(config.tools.only.as_ref(), "all")));
    MCP_EXCLUDE_TOOLS = row("SMTP_MCP_EXCLUDE_TOOLS", Startup, Words("none"), "names of tools, or the groups send, status and admin, separated by commas", "These tools are not offered. As `--exclude-tools`, which wins.",
        field!(Program: tools.excluded, |setting, _| value::tools(setting).map(Some), |config| tools(config.tools.excluded.as_ref(), "none")));
    MCP_READ_ONLY = row("SMTP_MCP_READ_ONLY", Startup, Switch(false), SWITCH, "Nothing is sent and nothing is changed: only the tools that read are offered. As `--read-only`.",
        field!(Program: tools.read_only, |setting, _| value::switch(setting), |config| Some(config.tools.read_only.to_string())));
    MCP_CONFIG = row("SMTP_MCP_CONFIG", Process, Words("`$XDG_CONFIG_HOME/smtp-mcp-server/config.toml`, if it is there"), "the path of a readable TOML file", "As `--config`, which wins.",
        Target::Nothing);
    MCP_ALLOW_OPEN_FILES = row("SMTP_MCP_ALLOW_OPEN_FILES", Process, Switch(false), SWITCH, "Allows files with settings, passwords or tokens that everybody on this machine may change or replace.",
        Target::Nothing);
}

/// Names that begin with SMTP_ and are used by other parts of the program.
pub(super) const NOT_SETTINGS: &[&str] = &["SMTP_MCP_CONFIG", "SMTP_MCP_ALLOW_OPEN_FILES"];

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

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u32| Duration::from_hours(24) * days;
        Self { content: days(KEEP_CONTENT_DAYS.number()), record: days(KEEP_RECORD_DAYS.number()) }
    }
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self {
            min_free: mebibytes(OUTBOX_MIN_FREE.number()) as u64,
            max_size: mebibytes(OUTBOX_MAX_SIZE.number()) as u64,
            max_waiting: OUTBOX_MAX_WAITING.number(),
        }
    }
}
