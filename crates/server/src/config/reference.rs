//! The reference table of all settings in `docs/configuration.md`.

use std::fmt::Write as _;

use super::variables::{DefaultValue, Scope, VARIABLES};

/// The reference table, in Markdown, with its heading and a line break at the end.
pub fn variables_table() -> String {
    let mut table = String::from("| variable | TOML key | default | rule |\n| --- | --- | --- | --- |\n");
    for variable in VARIABLES {
        let number = if variable.is_per_server() { "`, `…_N" } else { "" };
        let key = if variable.scope == Scope::Process {
            String::new()
        } else {
            format!("`{}`", variable.toml_key())
        };
        let default = default_words(variable.default);
        let rule = [capitalised(variable.expected) + ".", variable.note.to_owned()].join(" ");
        let _ = writeln!(
            table,
            "| `{}{number}` | {key} | {default} | {} |",
            variable.name,
            escaped(rule.trim_end())
        );
    }
    table
}

fn default_words(default: DefaultValue) -> String {
    match default {
        DefaultValue::Required => "required".to_owned(),
        DefaultValue::Number(number) => number.to_string(),
        DefaultValue::Switch(on) => on.to_string(),
        DefaultValue::Words(words) => words.to_owned(),
    }
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// In Markdown a star is emphasis, an angle bracket is HTML and a bar ends the cell.
fn escaped(text: &str) -> String {
    text.replace('*', "\\*").replace('<', "\\<").replace('|', "\\|")
}
