//! Patterns with `*`, as in `bad*@*`.

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters. ASCII case does not count.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    text.strip_prefix(head).is_some_and(|rest| ends_with_parts(tail, rest))
}

/// Matches the parts behind the first star: each at its earliest position, the last one at the end.
fn ends_with_parts(parts: &str, text: &str) -> bool {
    let Some((part, tail)) = parts.split_once('*') else {
        return text.ends_with(parts);
    };
    text.find(part).is_some_and(|at| ends_with_parts(tail, &text[at + part.len()..]))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_run() {
        let table = [
            ("bad*@*", "bad@x.org", true),
            ("bad*@*", "Badger@x.org", true),
            ("bad*@*", "good@x.org", false),
            ("bad*@*", "bad", false),
            ("*", "", true),
            ("*@x.org", "a@x.org", true),
            ("*@x.org", "a@x.org.evil", false),
            ("a@x.org", "a@x.org", true),
            ("a*a", "a", false),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "ab", false),
            ("*ø*", "søren@x.org", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
