//! The names of variables: with numbers, under other names, and what an unknown one was probably meant to be.

use super::setting::Location;
use super::variables::{
    ALLOWED_RECIPIENTS, ATTACHMENT_DIRS, CA_FILE, DEFAULT_BCC, DENIED_RECIPIENTS, EHLO_NAME, FROM_EMAIL,
    HOST, LOG_LEVEL, MAX_RETRIES, MCP_HTTP_TOKEN, MCP_OUTBOX, MCP_STATE_DIR, NOT_SETTINGS, PASSWORD, PORT,
    TIMEOUT, TOKEN_FILE, USE_SSL, USE_TLS, USERNAME, VARIABLES, Variable, toml_key,
};

/// Other names of variables, as many programs have them.
const ALIASES: [(&str, &Variable); 2] = [("SMTP_USER", &USERNAME), ("SMTP_PASS", &PASSWORD)];

/// What other programs call a setting, without `SMTP_`.
const MEANINGS: &[(&str, &Variable)] = &[
    ("SERVER", &HOST),
    ("SERVER_HOST", &HOST),
    ("HOSTNAME", &HOST),
    ("HOST_NAME", &HOST),
    ("SERVER_NAME", &HOST),
    ("ADDRESS", &HOST),
    ("RELAY", &HOST),
    ("RELAY_HOST", &HOST),
    ("URL", &HOST),
    ("SERVER_PORT", &PORT),
    ("LOGIN", &USERNAME),
    ("USER_NAME", &USERNAME),
    ("USERID", &USERNAME),
    ("ACCOUNT", &USERNAME),
    ("EMAIL", &USERNAME),
    ("AUTH_USER", &USERNAME),
    ("AUTH_USERNAME", &USERNAME),
    ("PWD", &PASSWORD),
    ("PASSWD", &PASSWORD),
    ("SECRET", &PASSWORD),
    ("APP_PASSWORD", &PASSWORD),
    ("AUTH_PASS", &PASSWORD),
    ("AUTH_PASSWORD", &PASSWORD),
    ("API_KEY", &PASSWORD),
    ("SSL", &USE_SSL),
    ("ENABLE_SSL", &USE_SSL),
    ("SSL_ENABLED", &USE_SSL),
    ("SECURE", &USE_SSL),
    ("IMPLICIT_TLS", &USE_SSL),
    ("ENCRYPTION", &USE_SSL),
    ("SECURITY", &USE_SSL),
    ("TLS", &USE_TLS),
    ("ENABLE_TLS", &USE_TLS),
    ("TLS_ENABLED", &USE_TLS),
    ("STARTTLS", &USE_TLS),
    ("USE_STARTTLS", &USE_TLS),
    ("STARTTLS_ENABLE", &USE_TLS),
    ("FROM", &FROM_EMAIL),
    ("FROM_ADDRESS", &FROM_EMAIL),
    ("FROM_NAME", &FROM_EMAIL),
    ("MAIL_FROM", &FROM_EMAIL),
    ("EMAIL_FROM", &FROM_EMAIL),
    ("DEFAULT_FROM", &FROM_EMAIL),
    ("SENDER", &FROM_EMAIL),
    ("SENDER_EMAIL", &FROM_EMAIL),
    ("ALLOWLIST", &ALLOWED_RECIPIENTS),
    ("ALLOWED_TO", &ALLOWED_RECIPIENTS),
    ("RECIPIENT_ALLOWLIST", &ALLOWED_RECIPIENTS),
    ("DENYLIST", &DENIED_RECIPIENTS),
    ("BLOCKED_RECIPIENTS", &DENIED_RECIPIENTS),
    ("BCC", &DEFAULT_BCC),
    ("CA", &CA_FILE),
    ("CA_CERT", &CA_FILE),
    ("CA_CERTS", &CA_FILE),
    ("CERT", &CA_FILE),
    ("CERTIFICATE", &CA_FILE),
    ("SSL_CA", &CA_FILE),
    ("TLS_CA_FILE", &CA_FILE),
    ("TLS_VERIFY", &CA_FILE),
    ("VERIFY", &CA_FILE),
    ("VERIFY_SSL", &CA_FILE),
    ("SSL_VERIFY", &CA_FILE),
    ("INSECURE", &CA_FILE),
    ("REJECT_UNAUTHORIZED", &CA_FILE),
    ("TLS_REJECT_UNAUTHORIZED", &CA_FILE),
    ("CONNECTION_TIMEOUT", &TIMEOUT),
    ("CONNECT_TIMEOUT", &TIMEOUT),
    ("RETRIES", &MAX_RETRIES),
    ("RETRY", &MAX_RETRIES),
    ("HELO", &EHLO_NAME),
    ("EHLO", &EHLO_NAME),
    ("HELO_NAME", &EHLO_NAME),
    ("LOCAL_HOSTNAME", &EHLO_NAME),
    ("DOMAIN", &EHLO_NAME),
    ("ATTACHMENT_DIR", &ATTACHMENT_DIRS),
    ("ATTACHMENTS", &ATTACHMENT_DIRS),
    ("ATTACHMENTS_DIR", &ATTACHMENT_DIRS),
    ("ACCESS_TOKEN", &TOKEN_FILE),
    ("TOKEN", &TOKEN_FILE),
    ("OAUTH_TOKEN", &TOKEN_FILE),
    ("LOG_LEVEL", &LOG_LEVEL),
    ("DEBUG", &LOG_LEVEL),
    ("OUTBOX", &MCP_OUTBOX),
    ("STATE_DIR", &MCP_STATE_DIR),
    ("HTTP_TOKEN", &MCP_HTTP_TOKEN),
    ("MCP_TOKEN", &MCP_HTTP_TOKEN),
];

/// A variable's name, parsed.
pub(super) enum Name {
    /// A variable, and the number of its server.
    Known(&'static Variable, Option<u32>),
    /// It begins with `SMTP_`.
    Unknown,
    /// It belongs to another program.
    NotOurs,
}

impl Name {
    /// Parses a name, with or without a number.
    pub(super) fn parse(label: &str) -> Self {
        if NOT_SETTINGS.contains(&label) {
            return Self::NotOurs;
        }
        if let Some(variable) = known(label) {
            return Self::Known(variable, None);
        }
        if !label.starts_with("SMTP_") {
            return Self::NotOurs;
        }
        let numbered =
            label.rsplit_once('_').and_then(|(name, number)| Some((known(name)?, server_number(number)?)));
        match numbered {
            Some((variable, number)) if variable.is_per_server() => Self::Known(variable, Some(number)),
            _ => Self::Unknown,
        }
    }
}

/// The variable of this name, or of which it is another name.
fn known(name: &str) -> Option<&'static Variable> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, variable)| *variable);
    alias.or_else(|| VARIABLES.iter().copied().find(|variable| variable.name == name))
}

/// The variable of this TOML key, or of which it is another name.
pub(super) fn of_toml_key(key: &str) -> Option<&'static Variable> {
    let alias = ALIASES.iter().find(|(alias, _)| toml_key(alias) == key).map(|(_, variable)| *variable);
    alias.or_else(|| VARIABLES.iter().copied().find(|variable| variable.toml_key() == key))
}

/// 1, 2, … without a sign and without leading zeros, so that no server has two names.
fn server_number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if is_plain { text.parse().ok() } else { None }
}

/// The warning about an unknown name.
pub(super) fn unknown(label: &str, location: &Location) -> String {
    let guess = nearest(label).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    let label = shown(label);
    format!("{label} ({location}): this variable is unknown and has no effect{guess}")
}

/// A name that is not known, for a line of the log: it may be anything.
pub(super) fn shown(name: &str) -> String {
    const LONGEST: usize = 100;
    name.chars().take(LONGEST).flat_map(char::escape_debug).collect()
}

/// The known name that `label` was probably meant to be, with its number kept.
fn nearest(label: &str) -> Option<String> {
    let (stem, number) = match label.rsplit_once('_') {
        Some((stem, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (stem, number.trim_start_matches('0'))
        }
        _ => (label, ""),
    };
    let variable = by_meaning(stem.trim_start_matches("SMTP_"))
        .or_else(|| closest(stem, VARIABLES.iter().copied(), |variable| variable.name.to_owned()))?;
    let keeps_number = variable.is_per_server() && !number.is_empty();
    Some(if keeps_number { format!("{}_{number}", variable.name) } else { variable.name.to_owned() })
}

/// The variable that other programs call `word`.
fn by_meaning(word: &str) -> Option<&'static Variable> {
    MEANINGS.iter().find(|(name, _)| *name == word).map(|(_, variable)| *variable)
}

/// The variable that an unknown TOML key was probably meant to be, among `candidates`.
pub(super) fn nearest_key(
    key: &str,
    candidates: impl Iterator<Item = &'static Variable> + Clone,
) -> Option<&'static Variable> {
    let meant = by_meaning(&key.to_ascii_uppercase());
    let meant = meant.filter(|meant| candidates.clone().any(|candidate| candidate.name == meant.name));
    meant.or_else(|| closest(key, candidates, Variable::toml_key))
}

/// The candidate whose name is nearest to `given`, if it is near at all.
fn closest<T: Copy>(
    given: &str,
    candidates: impl Iterator<Item = T>,
    name: impl Fn(T) -> String,
) -> Option<T> {
    const MAX_DISTANCE: usize = 3;
    let scored =
        candidates.map(|candidate| (strsim::damerau_levenshtein(given, &name(candidate)), candidate));
    scored
        .filter(|(distance, _)| *distance <= MAX_DISTANCE)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, found)| found)
}
