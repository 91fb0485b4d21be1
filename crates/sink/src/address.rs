//! The grammar of a path (RFC 5321 section 4.1.2, with UTF-8 by RFC 6531 section 3.3).

use std::net::{Ipv4Addr, Ipv6Addr};

/// Splits `<path>rest` at the closing bracket; brackets in a quoted local part do not count.
pub(crate) fn split_path(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in inner.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some((&inner[..at], &inner[at + 1..])),
            _ => {}
        }
    }
    None
}

/// Whether this is a mailbox: `local@domain`, with the lengths of RFC 5321 section 4.5.3.1. Source routes are refused.
pub(crate) fn is_mailbox(text: &str) -> bool {
    let Some(at) = local_length(text) else {
        return false;
    };
    let (local, rest) = text.split_at(at);
    let Some(domain) = rest.strip_prefix('@') else {
        return false;
    };
    local.len() <= 64 && is_local(local) && is_domain(domain)
}

/// Where the local part ends.
fn local_length(text: &str) -> Option<usize> {
    if !text.starts_with('"') {
        return text.find('@');
    }
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn is_local(local: &str) -> bool {
    match local.strip_prefix('"') {
        Some(quoted) => quoted.chars().all(|letter| !letter.is_control()),
        None => local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext)),
    }
}

fn is_atext(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter) || !letter.is_ascii()
}

/// Whether this is a host name or an address literal.
pub(crate) fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[') {
        return literal.strip_suffix(']').is_some_and(is_literal);
    }
    domain.len() <= 255 && domain.split('.').all(is_label)
}

fn is_literal(literal: &str) -> bool {
    match literal.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => literal.parse::<Ipv4Addr>().is_ok(),
    }
}

fn is_label(label: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || !letter.is_ascii();
    let hyphens_inside = !label.starts_with('-') && !label.ends_with('-');
    !label.is_empty() && label.len() <= 63 && hyphens_inside && label.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::{is_mailbox, split_path};

    #[test]
    fn mailboxes() {
        let good = [
            "a@b",
            "a.b+c@x.org",
            "\"a b\"@x.org",
            "\"a>@\\\"b\"@x.org",
            "a@[127.0.0.1]",
            "a@[IPv6:::1]",
            "søren@bücher.example",
            "a@xn--bcher-kva.example",
        ];
        let bad = [
            "",
            "a",
            "@b",
            "a@",
            "a b@x",
            "a..b@x",
            ".a@x",
            "a@x..y",
            "a@-x",
            "a@x_y",
            "a@[1.2]",
            "a@b@c",
            "\"a@x",
            "@a,@b:c@d",
            "a@x>",
            "a@x.",
            "\"a\"b@x",
        ];
        for text in good {
            assert!(is_mailbox(text), "{text}");
        }
        for text in bad {
            assert!(!is_mailbox(text), "{text}");
        }
        assert!(!is_mailbox(&format!("{}@x", "a".repeat(65))));
    }

    #[test]
    fn paths_end_at_their_own_bracket() {
        assert_eq!(split_path("<a@b> SIZE=1"), Some(("a@b", " SIZE=1")));
        assert_eq!(split_path("<\"a>b\"@c>"), Some(("\"a>b\"@c", "")));
        assert_eq!(split_path("<a@b"), None);
        assert_eq!(split_path("a@b>"), None);
    }
}
