//! The error that a setting is not valid for its variable.

use super::setting::{Setting, Value};
use super::variables::{HOST, Variable};

impl Setting {
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
            Value::Text(text) => text.to_string(),
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
        variable.is_secret || (variable.name == HOST.name && is_login_in_host())
    }
}
