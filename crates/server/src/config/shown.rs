//! How values are shown to people.

use super::{AuthMethod, ServerConfig, ToolNames};

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
