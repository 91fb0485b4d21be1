//! Templates: `{name}`, `{name|raw}`, `{?name}…{/name}`; any other brace is literal.
//!
//! A text is parsed into a flat list of steps in which a conditional knows the position of its end, so that nesting
//! needs no stack. It is rendered in one pass: a value is never parsed as a template.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use parse::{Instruction, parse};

use crate::request::Var;

/// How values are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escaping {
    /// Not at all.
    Plain,
    /// With `& < > " '` as character references, unless `|raw`.
    Html,
}

/// Why a text could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// A conditional is not closed, not opened or crossed: a message with line and column.
    Broken(String),
    /// The result would be too long.
    TooLong,
}

/// Renders `text` up to `most` bytes: a value that is repeated a million times must not fill the memory first. The names
/// of variables that are needed and not given are added to `missing`, and rendered empty.
///
/// # Errors
/// A conditional is wrong, or the result is longer than `most`.
pub(super) fn fill(
    text: &str,
    vars: &BTreeMap<String, Var>,
    escaping: Escaping,
    most: usize,
    missing: &mut BTreeSet<String>,
) -> Result<String, Unfilled> {
    let steps = parse(text).map_err(Unfilled::Broken)?;
    let mut rendered = String::with_capacity(text.len().min(most));
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        at += 1;
        match *step {
            Instruction::Text(text) => rendered.push_str(text),
            Instruction::End => {}
            Instruction::If { name, end } => {
                if !vars.get(name).is_some_and(keeps) {
                    at = end;
                }
            }
            Instruction::Value { name, raw } => match vars.get(name).and_then(shown) {
                None => drop(missing.insert(name.to_owned())),
                Some(value) if value.len() > most => return Err(Unfilled::TooLong),
                Some(value) if raw || escaping == Escaping::Plain => rendered.push_str(value),
                Some(value) => escape(value, &mut rendered),
            },
        }
        if rendered.len() > most {
            return Err(Unfilled::TooLong);
        }
    }
    Ok(rendered)
}

/// Whether `name` is a valid variable name.
pub(super) fn is_name(name: &str) -> bool {
    parse::name_length(name) == name.len() && !name.is_empty()
}

/// Present and neither empty, false nor null; 0 counts as true.
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

fn escape(value: &str, rendered: &mut String) {
    for c in value.chars() {
        match c {
            '&' => rendered.push_str("&amp;"),
            '<' => rendered.push_str("&lt;"),
            '>' => rendered.push_str("&gt;"),
            '"' => rendered.push_str("&quot;"),
            '\'' => rendered.push_str("&#39;"),
            _ => rendered.push(c),
        }
    }
}
