//! Parsers for values: each function takes a setting and returns the value, or the reason why it is invalid (may be empty).

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::path::{absolute, may_be_a_secret};
use super::setting::{Setting, Value};
use super::text_file;
use super::{
    AuthMethod, Authority, CaFile, CommandLine, LogFilter, OnUnknown, OutboxLocation, SecretFile, SenderRule,
    ToolNames, WebOrigin,
};
use crate::address::{Address, Mailbox, parse_list, parse_mailboxes};
use crate::file::regular;
use crate::limits;
use crate::oauth::discovery::secure_url;
use crate::secret::Secret;

/// The shortest token that clients may send, in characters.
const MIN_TOKEN: usize = 16;

/// Why a value is invalid; empty if "found …, expected …" says enough.
pub(super) type Reason = String;

pub(super) fn text(setting: &Setting) -> Result<&str, Reason> {
    let text = setting.text().ok_or("one value, not a list")?;
    if text.contains('\u{fffd}') {
        return Err("it is not UTF-8".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("it has a control character, perhaps a line break at its end".to_owned());
    }
    Ok(text)
}

/// Any text without control characters.
pub(super) fn plain(setting: &Setting) -> Result<String, Reason> {
    text(setting).map(str::to_owned)
}

/// A password.
pub(super) fn secret(setting: &Setting) -> Result<Secret, Reason> {
    let written = text(setting)?;
    match &setting.value {
        Value::Text(whole) => Ok(whole.part(written)),
        Value::List(_) => Ok(written.into()),
    }
}

/// auto, password or oauth, in any case.
pub(super) fn auth_method(setting: &Setting) -> Result<AuthMethod, Reason> {
    match text(setting)?.to_ascii_lowercase().as_str() {
        "auto" => Ok(AuthMethod::Auto),
        "password" => Ok(AuthMethod::Password),
        "oauth" => Ok(AuthMethod::OAuth),
        _ => Err(Reason::new()),
    }
}

/// A line for the shell, or a program and its arguments.
pub(super) fn command(setting: &Setting) -> Result<CommandLine, Reason> {
    match &setting.value {
        Value::Text(_) => plain(setting).map(CommandLine::Shell),
        Value::List(words) if words.is_empty() => Err("it names no program".to_owned()),
        Value::List(words) => Ok(CommandLine::Program(words.clone())),
    }
}

/// An issuer's URL.
pub(super) fn issuer(setting: &Setting) -> Result<String, Reason> {
    let url = text(setting)?;
    secure_url(url).map(|_| url.to_owned())
}

/// A path.
pub(super) fn path(setting: &Setting, base: Option<&Path>) -> Result<PathBuf, Reason> {
    absolute(text(setting)?, base)
}

/// `sqlite:PATH` or `memory`.
pub(super) fn outbox(setting: &Setting, base: Option<&Path>) -> Result<OutboxLocation, Reason> {
    match text(setting)? {
        "memory" => Ok(OutboxLocation::Memory),
        text => match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => absolute(path, base).map(OutboxLocation::File),
            _ => Err(Reason::new()),
        },
    }
}

/// What an unknown outcome leads to.
pub(super) fn on_unknown(setting: &Setting) -> Result<OnUnknown, Reason> {
    OnUnknown::parse(&text(setting)?.to_ascii_lowercase()).ok_or_else(Reason::new)
}

/// true/1/yes/on or false/0/no/off, in any case.
pub(super) fn switch(setting: &Setting) -> Result<bool, Reason> {
    match text(setting)?.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Reason::new()),
    }
}

/// An integer in a range.
pub(super) fn number(setting: &Setting, range: RangeInclusive<u32>) -> Result<u32, Reason> {
    let number = text(setting)?.parse().map_err(|_| Reason::new())?;
    if range.contains(&number) { Ok(number) } else { Err(Reason::new()) }
}

/// The same, to count with.
pub(super) fn count(setting: &Setting, range: RangeInclusive<u32>) -> Result<usize, Reason> {
    number(setting, range).map(|number| number as usize)
}

/// A number of days, up to ten years.
pub(super) fn days(setting: &Setting) -> Result<Duration, Reason> {
    number(setting, 0..=3650).map(|days| Duration::from_hours(24) * days)
}

/// A number of mebibytes, in bytes.
pub(super) fn mebibytes(setting: &Setting, range: RangeInclusive<u32>) -> Result<usize, Reason> {
    number(setting, range).map(limits::mebibytes)
}

/// A TCP port.
pub(super) fn port(setting: &Setting) -> Result<u16, Reason> {
    let port = text(setting)?.parse().map_err(|_| Reason::new())?;
    if port == 0 { Err(Reason::new()) } else { Ok(port) }
}

/// An integer.
pub(super) fn priority(setting: &Setting) -> Result<i64, Reason> {
    text(setting)?.parse().map_err(|_| Reason::new())
}

/// Seconds, fractions allowed.
pub(super) fn seconds(setting: &Setting) -> Result<Duration, Reason> {
    const MAX_SECONDS: f64 = 300.0;
    let seconds: f64 = text(setting)?.parse().map_err(|_| Reason::new())?;
    let is_sensible = seconds > 0.0 && seconds <= MAX_SECONDS;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| Reason::new())?;
    if is_sensible && !duration.is_zero() { Ok(duration) } else { Err(Reason::new()) }
}

/// One address.
pub(super) fn address(setting: &Setting) -> Result<Address, Reason> {
    Address::parse(text(setting)?).map_err(|error| error.reason)
}

/// One mailbox.
pub(super) fn mailbox(setting: &Setting) -> Result<Mailbox, Reason> {
    Mailbox::parse(text(setting)?).map_err(|error| error.reason)
}

/// A comma-separated text or a list: each item parsed by `read`, or all the errors.
pub(super) fn items<T>(
    setting: &Setting,
    read: impl Fn(&str) -> Result<T, Reason>,
) -> Result<Vec<T>, Reason> {
    let items: Vec<&str> = match &setting.value {
        Value::Text(_) => text(setting)?.split(',').collect(),
        Value::List(items) => items.iter().map(String::as_str).collect(),
    };
    let named = items.into_iter().map(str::trim).filter(|item| !item.is_empty());
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for item in named.map(read) {
        match item {
            Ok(item) => found.push(item),
            Err(reason) => wrong.push(reason),
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong.join("; ")) }
}

/// Sender rules.
pub(super) fn sender_rules(setting: &Setting) -> Result<Vec<SenderRule>, Reason> {
    items(setting, sender_rule)
}

/// Names by which HTTP clients call the program.
pub(super) fn authorities(setting: &Setting) -> Result<Vec<Authority>, Reason> {
    items(setting, |item| Authority::parse(item).ok_or_else(|| format!("{item:?} is not a host")))
}

/// Addresses.
pub(super) fn mailboxes(setting: &Setting) -> Result<Vec<Mailbox>, Reason> {
    let found = match &setting.value {
        Value::Text(_) => parse_list(text(setting)?),
        Value::List(items) => parse_mailboxes(items),
    };
    found.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// Tools, by name or by group.
pub(super) fn tools(setting: &Setting) -> Result<ToolNames, Reason> {
    let tools =
        |item: &str| ToolNames::of(item).ok_or_else(|| format!("{item:?} is neither a tool nor a group"));
    items(setting, tools).map(|names| ToolNames::new(&names))
}

/// Origins of web pages.
pub(super) fn web_origins(setting: &Setting) -> Result<Vec<WebOrigin>, Reason> {
    items(setting, |item| {
        let config_sources = item.strip_suffix('/').unwrap_or(item);
        WebOrigin::parse(config_sources).ok_or_else(|| {
            format!("{item:?} is not an origin; an origin is a scheme, a host and optionally a port")
        })
    })
}

/// A token that clients send.
pub(super) fn token(setting: &Setting) -> Result<Secret, Reason> {
    long(text(setting)?).and_then(|_| secret(setting))
}

/// The same in a file, perhaps followed by a line break.
pub(super) fn token_file(setting: &Setting, base: Option<&Path>) -> Result<SecretFile, Reason> {
    secret_file(setting, base, long)
}

/// A password in a file, perhaps followed by a line break.
pub(super) fn password_file(setting: &Setting, base: Option<&Path>) -> Result<SecretFile, Reason> {
    secret_file(setting, base, |password| match password {
        "" => Err("it is empty".to_owned()),
        password if password.chars().any(char::is_control) => {
            Err("it has more than one line, or a control character".to_owned())
        }
        password => Ok(password.into()),
    })
}

fn secret_file(
    setting: &Setting,
    base: Option<&Path>,
    parse: impl Fn(&str) -> Result<Secret, Reason>,
) -> Result<SecretFile, Reason> {
    let written = text(setting)?;
    let path = absolute(written, base)?;
    let shown = path.display();
    let read = text_file::read(&path).map_err(|error| match may_be_a_secret(Path::new(written)) {
        true => "there is no such file; this is the place for the path of a file, not for the password or token itself"
            .to_owned(),
        false => format!("{shown} cannot be read: {error}"),
    })?;
    match parse(read.trim_end_matches(['\r', '\n'])) {
        Ok(secret) => Ok(SecretFile { path, secret }),
        Err(reason) => Err(format!("in {shown}, {reason}")),
    }
}

/// A file that holds an access token now; what it holds at each login counts.
pub(super) fn access_token_file(setting: &Setting, base: Option<&Path>) -> Result<PathBuf, Reason> {
    secret_file(setting, base, visible).map(|file| file.path)
}

/// A shorter one could be guessed.
fn long(token: &str) -> Result<Secret, Reason> {
    let secret = visible(token)?;
    if token.len() < MIN_TOKEN {
        return Err(format!(
            "it has fewer than {MIN_TOKEN} characters, which could be guessed; this makes a good one: openssl rand -hex 32"
        ));
    }
    Ok(secret)
}

/// Characters allowed in an Authorization header (RFC 6750, section 2.1, and a few more).
fn visible(token: &str) -> Result<Secret, Reason> {
    match token {
        "" => Err("it is empty".to_owned()),
        token if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token.into()),
        _ => Err("it has a character that is not visible ASCII, perhaps a space".to_owned()),
    }
}

fn sender_rule(item: &str) -> Result<SenderRule, Reason> {
    if item == "*" {
        return Ok(SenderRule::Any);
    }
    let refused = |error: crate::address::AddressError| format!("{item:?}: {}", error.reason);
    let Some(domain) = item.strip_prefix("*@") else {
        return Address::parse(item).map(SenderRule::Address).map_err(refused);
    };
    let any = Address::parse(&format!("any@{domain}")).map_err(refused)?;
    Ok(SenderRule::Domain(any.domain().to_ascii_lowercase()))
}

/// Existing directories, separated like PATH or as a list; a relative one is relative to `base`.
pub(super) fn directories(setting: &Setting, base: Option<&Path>) -> Result<Vec<PathBuf>, Reason> {
    let paths: Vec<String> = match &setting.value {
        Value::Text(_) => {
            let paths = std::env::split_paths(text(setting)?);
            paths.map(|path| path.to_string_lossy().into_owned()).collect()
        }
        Value::List(items) => items.clone(),
    };
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for path in paths.iter().filter(|path| !path.is_empty()) {
        match directory(path, base) {
            Ok(directory) => found.push(directory),
            Err(reason) => wrong.push(reason),
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong.join("; ")) }
}

fn directory(path: &str, base: Option<&Path>) -> Result<PathBuf, Reason> {
    let path = absolute(path, base)?;
    let shown = path.display();
    match () {
        () if path.is_dir() => Ok(path),
        () if path.exists() => Err(format!("{shown} is not a directory")),
        () => Err(format!("{shown} does not exist or cannot be reached")),
    }
}

/// A PEM file with a certificate in it.
pub(super) fn ca_file(setting: &Setting, base: Option<&Path>) -> Result<CaFile, Reason> {
    let path = absolute(text(setting)?, base)?;
    let pem = regular::read(&path);
    let pem = pem.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(found) if !found.is_empty() => Ok(CaFile { path, pem: pem.to_vec() }),
        Ok(_) => Err(format!("{} holds no certificate", path.display())),
        Err(_) => Err(format!("{} is not valid PEM", path.display())),
    }
}

/// A level's name, or directives.
pub(super) fn log_filter(setting: &Setting) -> Result<LogFilter, Reason> {
    LogFilter::parse(text(setting)?).ok_or_else(Reason::new)
}
