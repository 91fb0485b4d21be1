//! Env files: shell-style assignments, parsed by dotenvy without changing the environment.

use std::path::Path;

use zeroize::Zeroizing;

use super::setting::Location;
use super::variables::LOG_LEVEL;

/// A variable, its value, and its location.
pub(super) type Assignment = (String, Zeroizing<String>, Location);

const QUOTE_IT: &str = "put a value with spaces, $, # or \\ into single quotes";

/// Parses the assignments of `text`; the last one of a name counts. An unreadable line is an error.
pub(super) fn parse(path: &Path, text: &str, problems: &mut Vec<String>) -> Vec<Assignment> {
    let text = text.trim_start_matches('\u{feff}');
    let mut assignments = Vec::new();
    for item in dotenvy::from_read_iter(text.as_bytes()) {
        match item {
            Ok((name, value)) => {
                let line = last_line_of(text, &name);
                refuse_expansion(path, text, line, problems);
                assignments.push((name, Zeroizing::new(value), Location::File(path.to_owned(), line)));
            }
            Err(error) => problems.push(unreadable(path, text, &error)),
        }
    }
    assignments
}

/// The number of the last line that assigns `name`.
fn last_line_of(text: &str, name: &str) -> Option<usize> {
    let assigns = |line: &str| assignment(line).is_some_and(|(found, _)| found == name);
    text.lines().enumerate().filter(|(_, line)| assigns(line)).last().map(|(index, _)| index + 1)
}

/// The name and value of a line, as written.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    Some((name.strip_prefix("export ").unwrap_or(name).trim(), value.trim()))
}

/// dotenvy would silently substitute another variable for `$name`, which would change a password.
fn refuse_expansion(path: &Path, text: &str, line: Option<usize>, problems: &mut Vec<String>) {
    let Some(number) = line else { return };
    let Some((name, value)) = text.lines().nth(number - 1).and_then(assignment) else {
        return;
    };
    if !is_ours(name) || value.starts_with('\'') || !value.replace("\\$", "").contains('$') {
        return;
    }
    let location = Location::File(path.to_owned(), Some(number));
    let problem = format!(
        "{name} ({location}): found a value with $, which would be expanded, expected it in single quotes"
    );
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}

/// The error about a line, without its text: it may contain a password.
fn unreadable(path: &Path, text: &str, error: &dotenvy::Error) -> String {
    let dotenvy::Error::LineParse(wrong, _) = error else {
        return format!("{}: cannot be read as an env file", path.display());
    };
    // dotenvy returns the whole line, or only its value.
    let wrong = wrong.lines().next().unwrap_or_default();
    let found = text.lines().enumerate().find(|(_, line)| !wrong.is_empty() && line.contains(wrong));
    let name = found.and_then(|(_, line)| assignment(line)).map(|(name, _)| name);
    let name = name.filter(|name| is_ours(name)).unwrap_or("a line");
    let location = Location::File(path.to_owned(), found.map(|(index, _)| index + 1));
    format!("{name} ({location}): found a line that cannot be read, expected NAME=value; {QUOTE_IT}")
}

/// Anything else on the left of an equals sign may be the rest of a multi-line password.
fn is_ours(name: &str) -> bool {
    name.starts_with("SMTP_") || name == LOG_LEVEL.name
}
