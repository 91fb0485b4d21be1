//! Env files: shell-style assignments, parsed by dotenvy without changing the environment.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use super::diagnostics::Diagnostics;
use super::names::shown;
use super::setting::Location;
use super::variables::LOG_LEVEL;
use super::written::{is_app_password_with_blanks, is_variable};
use crate::secret::Secret;

/// A variable, its value, and its location.
pub(super) type Assignment = (String, Secret, Location);

/// Parses the assignments of `text`; the last one of a name counts. An unreadable line is an error.
pub(super) fn parse(path: &Path, text: &str, diagnostics: &mut Diagnostics) -> Vec<Assignment> {
    let text = with_quoted_placeholders(text);
    let mut assignments = Vec::new();
    for item in dotenvy::from_read_iter(text.as_bytes()) {
        match item {
            Ok((name, value)) => {
                let line = last_line_of(&text, &name);
                refuse_expansion(path, &text, line, &mut diagnostics.problems);
                assignments.push((name, Secret::new(value), Location::File(path.to_owned(), line)));
            }
            Err(error) => diagnostics.problems.push(unreadable(path, &text, &error)),
        }
    }
    warn_of_doubles(path, &text, &mut diagnostics.warnings);
    assignments
}

/// dotenvy would expand a placeholder such as `${input:password}`, or refuse it.
fn with_quoted_placeholders(text: &str) -> Cow<'_, str> {
    let is_placeholder =
        |line: &str| assignment(line).is_some_and(|(name, value)| is_ours(name) && is_variable(value));
    if !text.lines().any(is_placeholder) {
        return Cow::Borrowed(text);
    }
    let quoted = |line: &str| match assignment(line) {
        Some((name, value)) if is_placeholder(line) => format!("{name}='{value}'"),
        _ => line.to_owned(),
    };
    Cow::Owned(text.lines().map(quoted).collect::<Vec<_>>().join("\n"))
}

/// The number of the last line that assigns `name`.
fn last_line_of(text: &str, name: &str) -> Option<usize> {
    lines_of(text).filter(|(_, found)| *found == name).last().map(|(number, _)| number)
}

/// The number of each line with an assignment, and the name that it assigns.
fn lines_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(index, line)| Some((index + 1, assignment(line)?.0)))
}

fn warn_of_doubles(path: &Path, text: &str, warnings: &mut Vec<String>) {
    let mut seen = BTreeMap::<_, Vec<_>>::new();
    for (number, name) in lines_of(text).filter(|(_, name)| is_ours(name)) {
        seen.entry(name).or_default().push(number);
    }
    for (name, lines) in seen {
        if let [first @ .., last] = lines.as_slice()
            && !first.is_empty()
        {
            let first = first.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
            let (name, path) = (shown(name), path.display());
            warnings.push(format!(
                "{name} ({path}, lines {first} and {last}): it is set more than once; line {last} counts"
            ));
        }
    }
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
        "{} ({location}): found a value with $, which would be expanded; put the value into {}",
        shown(name),
        quotes_for(value)
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
    let (name, value) = found.and_then(|(_, line)| assignment(line)).unwrap_or_default();
    let location = Location::File(path.to_owned(), found.map(|(index, _)| index + 1));
    if !is_ours(name) {
        return format!("a line ({location}): found a line that cannot be read, expected NAME=value");
    }
    if is_app_password_with_blanks(value) {
        return format!("{} ({location}): {APP_PASSWORD}", shown(name));
    }
    format!(
        "{} ({location}): found a value that cannot be read; put the value into {}",
        shown(name),
        quotes_for(value)
    )
}

/// What to do with an app password of Google that has blanks.
pub(super) const APP_PASSWORD: &str = "write the app password without the blanks, as 16 letters; Google shows it in groups, but they do not belong to it";

/// The quotes in which a value can be written. Single ones know no escapes, but a \ before the last one hides it.
fn quotes_for(value: &str) -> &'static str {
    let inside = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(value);
    if inside.contains('\'') || inside.ends_with('\\') {
        r#"double quotes, with \ before each \, " and $ in it"#
    } else {
        "single quotes"
    }
}

/// Anything else on the left of an equals sign may be the rest of a multi-line password.
fn is_ours(name: &str) -> bool {
    name.starts_with("SMTP_") || name == LOG_LEVEL.name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_in_the_quotes_that_the_message_advises_is_what_was_meant(value in "[ -~]{1,20}") {
            prop_assume!(!value.starts_with('\''));
            let written = match quotes_for(&value) {
                "single quotes" => format!("'{value}'"),
                _ => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$")),
            };
            let mut diagnostics = Diagnostics::default();
            let read = parse(Path::new("x"), &format!("SMTP_PASSWORD={written}\n"), &mut diagnostics);
            prop_assert_eq!(diagnostics.problems, Vec::<String>::new());
            prop_assert_eq!(read[0].1.text(), value);
        }
    }
}
