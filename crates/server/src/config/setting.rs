//! One setting as it was found: its name there, its value, its place; and the words for what is wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::variables::{self, Variable};

/// Settings by the name of their variable, without a number.
pub(super) type Settings = BTreeMap<&'static str, Setting>;

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The process's own environment.
    Environment,
    /// A file, and the line in it where that is known.
    File(PathBuf, Option<usize>),
}

/// A value before it is understood.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// A list, as TOML has them.
    List(Vec<String>),
}

/// One setting as it was found. It may hold a password, so it cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// What it is called there: `SMTP_PORT_2`, or `port` in TOML.
    pub label: String,
    /// What it says.
    pub value: Value,
    /// Where it says so.
    pub place: Place,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::File(path, None) => write!(f, "{}", path.display()),
            Self::File(path, Some(line)) => write!(f, "{}, line {line}", path.display()),
        }
    }
}

impl Setting {
    /// The value as one text; `None` for a list.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::List(_) => None,
        }
    }

    /// Name and place, as a problem begins.
    pub(super) fn whence(&self) -> String {
        format!("{} ({})", self.label, self.place)
    }

    /// The problem that it is not what `variable` must be. `reason` may be empty.
    pub(super) fn refuse(&self, variable: &Variable, reason: &str) -> String {
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        format!("{}: found {}{reason}, expected {}", self.whence(), self.found(variable), variable.expected)
    }

    /// The value for people, never a secret and never long.
    fn found(&self, variable: &Variable) -> String {
        const SHOWN: usize = 100;
        let text = match &self.value {
            _ if self.may_hold_a_secret(variable) => return "a value that is not shown".to_owned(),
            Value::Text(text) => text.clone(),
            Value::List(items) => items.join(", "),
        };
        if text.chars().count() <= SHOWN {
            return format!("{text:?}");
        }
        format!("{:?}…", text.chars().take(SHOWN).collect::<String>())
    }

    /// A password does, and so may a host written as a URL with a login.
    fn may_hold_a_secret(&self, variable: &Variable) -> bool {
        let is_login_in_host = || self.text().is_some_and(|text| text.contains('@'));
        variable.name == variables::PASSWORD.name
            || variable.name == variables::MCP_HTTP_TOKEN.name
            || (variable.name == variables::HOST.name && is_login_in_host())
    }
}
