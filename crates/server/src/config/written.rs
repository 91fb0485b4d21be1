//! Values as people write them: placeholders that nobody filled in, quotes that belong to the syntax of another file.

/// What is a placeholder if it is a whole value, in lower case and with hyphens between its words.
const PLACEHOLDERS: &[&str] = &[
    "change-me",
    "changeme",
    "replace-me",
    "replaceme",
    "fill-in",
    "fill-me-in",
    "fillin",
    "to-be-filled-in",
    "...",
    "…",
];

/// What stands before the @ of an address that is a placeholder.
const YOUR_ADDRESS: &[&str] =
    &["your-email", "your-mail", "your-name", "your-address", "your-account", "your-username", "your-user"];

/// Whether a value is a placeholder: of a client's configuration (`${input:password}`), of a template (`{{ password }}`), or in words.
pub(super) fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let between = |begin, end| value.strip_prefix(begin).and_then(|rest: &str| rest.strip_suffix(end));
    let is_one = |inside: &str| !inside.is_empty() && !inside.contains(['{', '}']);
    let is_cut = value.starts_with('…') || value.ends_with('…');
    if is_cut || is_variable(value) || between("{{", "}}").is_some_and(is_one) {
        return true;
    }
    let bare = between("<", ">").or_else(|| between("[", "]")).unwrap_or(value);
    let words = bare.to_lowercase().replace([' ', '_'], "-");
    if PLACEHOLDERS.contains(&words.as_str()) {
        return true;
    }
    // your-app-password, <your password>, and of addresses only what nobody has: your-email@gmail.com
    match words.split_once('@') {
        Some((local, _)) => YOUR_ADDRESS.contains(&local),
        None => words.strip_prefix("your-").is_some_and(|rest| {
            !rest.is_empty() && rest.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
        }),
    }
}

/// `${NAME}`, `${env:NAME}`, `${input:name}`, `${user_config.name}`: what a client or a shell should have filled in.
pub(super) fn is_variable(value: &str) -> bool {
    let inside = value.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inside.is_some_and(|inside| !inside.is_empty() && !inside.contains(['{', '}', '$', '\'']))
}

/// The value without the quotes around it, if they are a pair and enclose all of it. Other quotes belong to it.
pub(super) fn without_quotes(value: &str) -> Option<&str> {
    const PAIRS: [(char, char); 5] = [('"', '"'), ('\'', '\''), ('“', '”'), ('‘', '’'), ('„', '“')];
    PAIRS.iter().find_map(|(begin, end)| {
        let inside = value.strip_prefix(*begin)?.strip_suffix(*end)?;
        (!inside.is_empty() && !inside.contains([*begin, *end])).then_some(inside)
    })
}

/// Whether it is an app password of Google as its page shows it: four groups of four letters.
pub(super) fn is_app_password_with_blanks(password: &str) -> bool {
    let groups: Vec<_> = password.split_whitespace().collect();
    groups.len() == 4
        && groups.iter().all(|group| group.len() == 4 && group.bytes().all(|byte| byte.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_values() {
        for placeholder in [
            "${user_config.password}",
            "${input:smtp-password}",
            "${VAR}",
            "${env:SMTP_PASSWORD}",
            " ${VAR} ",
            "{{ password }}",
            "change me",
            "Change-Me",
            "CHANGEME",
            "change_me",
            "your-app-password",
            "your_password",
            "your password",
            "<your-password>",
            "[your-password]",
            "your-email@gmail.com",
            "fill-in",
            "FILL ME IN",
            "…",
            "...",
        ] {
            assert!(is_placeholder(placeholder), "{placeholder}");
        }
        for value in [
            "",
            "$VAR",
            "${}",
            "a${VAR}",
            "${A}${B}",
            "yourself",
            "your-",
            "you@example.org",
            "p${x}w",
            "pa$$word",
            "smtp.example.org",
            "change me now",
            "<secret>",
            "x…y",
            "your-pass1word",
            "your-team@example.org",
            "todo",
            "Ada <ada@example.org>",
        ] {
            assert!(!is_placeholder(value), "{value}");
        }
    }

    #[test]
    fn quotes_around_all_of_a_value_are_seen() {
        for (value, expected) in [
            ("\"a b\"", Some("a b")),
            ("'a'", Some("a")),
            ("“a”", Some("a")),
            ("\"\"", None),
            ("\"", None),
            ("'a\"", None),
            ("\"a\" \"b\"", None),
            ("\"Doe, Ada\" <ada@example.org>", None),
            ("a'b", None),
            ("'it's'", None),
        ] {
            assert_eq!(without_quotes(value), expected, "{value}");
        }
    }
}
