//! The error that a setting is not valid for its variable.

use std::path::Path;

use super::path::may_be_a_secret;
use super::setting::{Setting, Value};
use super::variables::{HOST, MCP_HTTP_TOKEN_FILE, PASSWORD_FILE, TOKEN_FILE, Variable};

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
            Value::Text(text) => text.text().to_owned(),
            Value::List(items) => items.join(", "),
        };
        if text.chars().count() <= QUOTE_LIMIT {
            return format!("{text:?}");
        }
        format!("{:?}…", text.chars().take(QUOTE_LIMIT).collect::<String>())
    }

    /// A password does, a host written as a URL may contain a login, and instead of a file with a secret the secret may be there.
    fn may_hold_a_secret(&self, variable: &Variable) -> bool {
        let text = self.text().unwrap_or_default();
        let names_a_secret = [&PASSWORD_FILE, &TOKEN_FILE, &MCP_HTTP_TOKEN_FILE];
        variable.is_secret
            || (variable.name == HOST.name && text.contains('@'))
            || (names_a_secret.iter().any(|file| file.name == variable.name)
                && may_be_a_secret(Path::new(text)))
    }
}
