//! One setting as found: its name, its value, its location.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::secret::Secret;

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

/// A value before it is parsed. It may be a secret, so text is wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text.
    Text(Secret),
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

impl Value {
    /// One text.
    pub(super) fn of(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl Setting {
    /// The value as one text; `None` for a list.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text.text()),
            Value::List(_) => None,
        }
    }

    /// Name and location, as an error message begins.
    pub(super) fn origin_of(&self) -> String {
        format!("{} ({})", self.label, self.location)
    }
}
