//! How values are shown to people.

use std::time::Duration;

use super::{AuthMethod, ServerConfig, ToolNames};
use crate::policy::RecipientPattern;

pub(super) fn auth_method(server: &ServerConfig) -> Option<String> {
    let word = match server.login.auth {
        AuthMethod::Auto => "auto",
        AuthMethod::Password => "password",
        AuthMethod::OAuth => "oauth",
    };
    Some(word.to_owned())
}

pub(super) fn or_none(value: Option<String>) -> Option<String> {
    Some(value.unwrap_or_else(|| "none".to_owned()))
}

pub(super) fn is_set(is_set: bool) -> Option<String> {
    Some(if is_set { "set" } else { "none" }.to_owned())
}

pub(super) fn in_mebibytes(bytes: usize) -> Option<String> {
    Some(format!("{} MiB", bytes >> 20))
}

pub(super) fn list(items: impl Iterator<Item = impl ToString>, none: &str) -> Option<String> {
    let items: Vec<_> = items.map(|item| item.to_string()).collect();
    Some(if items.is_empty() { none.to_owned() } else { items.join(", ") })
}

pub(super) fn tools(names: Option<&ToolNames>, none: &str) -> Option<String> {
    list(names.map(ToolNames::names).unwrap_or_default().iter(), none)
}

pub(super) fn patterns(patterns: &[RecipientPattern], none: &str) -> Option<String> {
    list(patterns.iter().map(RecipientPattern::masked), none)
}

pub(super) fn limit(limit: u32) -> String {
    if limit == 0 { "no limit".to_owned() } else { limit.to_string() }
}

pub(super) fn in_days(time: Duration) -> String {
    match time.as_secs() / 86_400 {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// In the largest unit that has no remainder; a day in hours.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(2 * 86_400, 86_400, "d"), (3600, 3600, "h"), (60, 60, "m")];
    let unit =
        units.into_iter().find(|(least, length, _)| seconds >= *least && seconds.is_multiple_of(*length));
    let (length, name) = unit.map_or((1, "s"), |(_, length, name)| (length, name));
    format!("{}{name}", seconds / length)
}
