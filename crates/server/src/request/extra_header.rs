//! Extra header fields that a call may set: those that begin with `X-` or `List-`.

use serde_json::{Map, Value};

use super::validation::ValidationCode::{Conflict, Invalid, TooMany};
use super::validation::ValidationErrors;
use crate::address::character;

/// Fields of one mail.
const COUNT_LIMIT: usize = 50;
/// The longest name and the longest value, in bytes: a value has to fit on one line (RFC 5322, section 2.1.1: at most 998).
const NAME_LIMIT: usize = 70;
const VALUE_LIMIT: usize = 900;

/// An extra header field, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraHeader {
    /// `X-…` or `List-…`.
    pub name: String,
    /// One line; ASCII for `List-…`, whose values have a syntax of their own (RFC 2369).
    pub value: String,
}

impl ExtraHeader {
    /// Whether its value has a syntax, so that nothing in it may be encoded.
    pub fn is_structured(&self) -> bool {
        begins_with(&self.name, "list-")
    }
}

/// Checks all of them and collects every error.
pub(super) fn parse_all(
    given: Map<String, Value>,
    has_priority: bool,
    errors: &mut ValidationErrors,
) -> Vec<ExtraHeader> {
    if given.len() > COUNT_LIMIT {
        errors.add("headers", TooMany, format!("{} but at most {COUNT_LIMIT} are allowed", given.len()));
        return Vec::new();
    }
    let mut headers: Vec<ExtraHeader> = Vec::new();
    for (name, value) in given {
        match parse(name, value) {
            Err(message) => errors.add("headers", Invalid, message),
            Ok(header) if headers.iter().any(|other| other.name.eq_ignore_ascii_case(&header.name)) => {
                errors.add(
                    "headers",
                    Conflict,
                    format!("{} is there twice", character::quoted(&header.name)),
                );
            }
            Ok(header) if has_priority && header.name.eq_ignore_ascii_case("X-Priority") => {
                errors.add("headers", Conflict, format!("{} is written by priority", header.name));
            }
            Ok(header) => headers.push(header),
        }
    }
    headers
}

fn parse(name: String, value: Value) -> Result<ExtraHeader, String> {
    let shown = character::quoted(&name);
    let is_name = name.bytes().all(|b| b.is_ascii_graphic() && b != b':') && name.len() <= NAME_LIMIT;
    let is_allowed =
        ["x-", "list-"].iter().any(|prefix| begins_with(&name, prefix) && name.len() > prefix.len());
    if !is_name || !is_allowed {
        return Err(format!("{shown}: expected a name such as X-Campaign or List-Unsubscribe"));
    }
    if name.eq_ignore_ascii_case("X-Mailer") {
        return Err(format!("{shown} is written by this program"));
    }
    let Value::String(value) = value else {
        return Err(format!("{shown}: expected a string"));
    };
    if let Some(found) = character::control_in(&value) {
        return Err(format!("{shown}: {found}; a value must be one line"));
    }
    let value = value.trim_matches(' ').to_owned();
    if value.is_empty() || value.len() > VALUE_LIMIT {
        return Err(format!("{shown}: expected a value of 1 to {VALUE_LIMIT} bytes"));
    }
    let header = ExtraHeader { name, value };
    if header.is_structured() && !header.value.is_ascii() {
        return Err(format!(
            "{shown}: expected ASCII, because the value of a List- field is read by programs"
        ));
    }
    Ok(header)
}

fn begins_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(given: &Value) -> Result<Vec<ExtraHeader>, String> {
        let mut errors = ValidationErrors::default();
        let headers = parse_all(given.as_object().cloned().unwrap_or_default(), true, &mut errors);
        errors.or(headers).map_err(|errors| errors.to_string())
    }

    #[test]
    fn only_fields_that_are_harmless_may_be_set() {
        for (name, value, expected) in [
            ("X-Campaign", json!("spring"), ""),
            ("x-note", json!("Grüße"), ""),
            ("List-Unsubscribe", json!("<https://example.org/u?a=1>, <mailto:u@example.org>"), ""),
            ("X-", json!("a"), "expected a name"),
            ("Bcc", json!("eve@example.org"), "expected a name"),
            ("Subject", json!("a"), "expected a name"),
            ("X-A: b", json!("a"), "expected a name"),
            ("X-A\r\nBcc", json!("a"), "expected a name"),
            ("X-Ä", json!("a"), "expected a name"),
            ("X-A", json!("a\r\nBcc: eve@example.org"), "one line"),
            ("X-A", json!("  "), "a value of"),
            ("X-A", json!("a".repeat(901)), "a value of"),
            ("X-A", json!(5), "a string"),
            ("X-Mailer", json!("a"), "written by this program"),
            ("x-priority", json!("1"), "written by priority"),
            ("List-Id", json!("Grüße <a.example.org>"), "ASCII"),
        ] {
            let result = parsed(&json!({ (name): value }));
            match expected {
                "" => assert!(result.is_ok(), "{name}: {result:?}"),
                words => assert!(result.as_ref().unwrap_err().contains(words), "{name}: {result:?}"),
            }
        }
        assert!(parsed(&json!({ "X-A": "1", "x-a": "2" })).unwrap_err().contains("twice"));
    }
}
