//! Templates: `{name}`, `{name|raw}`, `{?name}…{/name}`; any other brace stays as written.
//!
//! A text is parsed into a flat list of steps, where an opening knows the place of its end, so that no depth of
//! nesting costs stack. One pass fills it: a value is never read as a template again.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use parse::{Step, parse};

use crate::request::Var;

/// How values are put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escaping {
    /// As they are.
    Plain,
    /// With `& < > " '` as character references, unless `|raw`.
    Html,
}

/// Why a text was not filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// A conditional is not closed, not opened or crossed: a sentence with line and column.
    Broken(String),
    /// It would become longer than is allowed.
    TooLong,
}

/// Fills `text` up to `most` bytes: a value that is repeated a million times must not fill the memory first. The names
/// that a kept part needs and nobody gave are added to `missing`, and stand empty.
///
/// # Errors
/// When a conditional is wrong, or the result longer than `most`.
pub(super) fn fill(
    text: &str,
    vars: &BTreeMap<String, Var>,
    escaping: Escaping,
    most: usize,
    missing: &mut BTreeSet<String>,
) -> Result<String, Unfilled> {
    let steps = parse(text).map_err(Unfilled::Broken)?;
    let mut filled = String::with_capacity(text.len().min(most));
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        at += 1;
        match *step {
            Step::Text(text) => filled.push_str(text),
            Step::End => {}
            Step::If { name, end } => {
                if !vars.get(name).is_some_and(keeps) {
                    at = end;
                }
            }
            Step::Value { name, raw } => match vars.get(name).and_then(shown) {
                None => drop(missing.insert(name.to_owned())),
                Some(value) if value.len() > most => return Err(Unfilled::TooLong),
                Some(value) if raw || escaping == Escaping::Plain => filled.push_str(value),
                Some(value) => escape(value, &mut filled),
            },
        }
        if filled.len() > most {
            return Err(Unfilled::TooLong);
        }
    }
    Ok(filled)
}

/// Whether `name` could stand in a template.
pub(super) fn is_name(name: &str) -> bool {
    parse::name_length(name) == name.len() && !name.is_empty()
}

/// Present and neither empty, false nor null; a zero keeps.
fn keeps(value: &Var) -> bool {
    match value {
        Var::Text(text) => !text.is_empty(),
        Var::Number(_) => true,
        Var::Bool(value) => *value,
        Var::Null => false,
    }
}

fn shown(value: &Var) -> Option<&str> {
    match value {
        Var::Text(text) | Var::Number(text) => Some(text),
        Var::Bool(true) => Some("true"),
        Var::Bool(false) => Some("false"),
        Var::Null => None,
    }
}

fn escape(value: &str, filled: &mut String) {
    for c in value.chars() {
        match c {
            '&' => filled.push_str("&amp;"),
            '<' => filled.push_str("&lt;"),
            '>' => filled.push_str("&gt;"),
            '"' => filled.push_str("&quot;"),
            '\'' => filled.push_str("&#39;"),
            _ => filled.push(c),
        }
    }
}
