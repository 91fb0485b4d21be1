//! One setting as found: its name, its value, its location; and the messages for errors in it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::variables::{self, Variable};

/// Settings by the name of their variable, without a number.
pub(super) type Settings = BTreeMap<&'static str, Setting>;

/// Where a setting was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The process's environment.
    Environment,
    /// A file, and the line if it is known.
    File(PathBuf, Option<usize>),
}

/// A value before it is parsed.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// A TOML list.
    List(Vec<String>),
}

/// One setting as found. It may contain a password, so it has no Debug.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// Its name in the source: `SMTP_PORT_2`, or `port` in TOML.
    pub label: String,
    /// Its value.
    pub value: Value,
    /// Its location.
    pub location: Location,
}

impl fmt::Display for Location {
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

    /// Name and location, as an error message begins.
    pub(super) fn origin_of(&self) -> String {
        format!("{} ({})", self.label, self.location)
    }

    /// The error that its value is not valid for `variable`. `reason` may be empty.
    pub(super) fn refuse(&self, variable: &Variable, reason: &str) -> String {
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        format!(
            "{}: found {}{reason}, expected {}",
            self.origin_of(),
            self.found(variable),
            variable.expected
        )
    }

    /// The value for display, shortened, and never a secret.
    fn found(&self, variable: &Variable) -> String {
        const QUOTE_LIMIT: usize = 100;
        let text = match &self.value {
            _ if self.may_hold_a_secret(variable) => return "a value that is not shown".to_owned(),
            Value::Text(text) => text.clone(),
            Value::List(items) => items.join(", "),
        };
        if text.chars().count() <= QUOTE_LIMIT {
            return format!("{text:?}");
        }
        format!("{:?}…", text.chars().take(QUOTE_LIMIT).collect::<String>())
    }

    /// A password does, and a host written as a URL may contain a login.
    fn may_hold_a_secret(&self, variable: &Variable) -> bool {
        let is_login_in_host = || self.text().is_some_and(|text| text.contains('@'));
        variable.is_secret || (variable.name == variables::HOST.name && is_login_in_host())
    }
}
