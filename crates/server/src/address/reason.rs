//! Why a text is not a mailbox, in words that tell what to change.

use super::grammar::ADDRESS_LIMIT;

/// The first reason that applies to a text outside the grammar.
pub(super) fn reason_of(text: &str) -> &'static str {
    let bare = outside_quotes(text);
    let ats = bare.matches('@').count();
    match () {
        () if bare.matches('"').count() % 2 == 1 => "a quote is not closed",
        () if has_scheme(&bare) => "leave out mailto: and give only the address",
        () if bare.contains(';') && begins_with_colon(&bare) => {
            "groups (Name: …;) are not supported; give the addresses themselves, separated by commas, without a semicolon"
        }
        () if bare.contains(';') => "addresses are separated by commas, not by semicolons",
        () if begins_with_colon(&bare) && bare.contains('<') => {
            "the name has a colon; put the name in double quotes"
        }
        () if begins_with_colon(&bare) && ats > 0 => {
            "leave out what stands before the address, with its colon"
        }
        () if bare.contains(['(', ')']) => {
            "comments in parentheses are not supported; put a name in double quotes"
        }
        () if bare.contains("<@") => "routes (<@a,@b:c@d>) are obsolete",
        () if bare.contains(',') || bare.matches('<').count() > 1 => {
            "it could be read as a second address; give one mailbox at a time, names with commas in quotes"
        }
        () if ats == 0 => "there is no @; expected name@domain",
        () if ats > 1 => "there is more than one @; it could be read as a second address",
        () if bare.contains('<') != bare.contains('>') => "an angle bracket is not closed or not opened",
        () if bare.contains('>') && !bare.ends_with('>') => "there is text after the address",
        () if bare.starts_with('@') || bare.contains("<@") => "there is nothing before the @",
        () if bare.ends_with('@') || bare.contains("@>") => "there is no domain after the @",
        () if bare.split('@').next().is_some_and(|local| local.len() > 64) => {
            "the part before the @ is longer than 64 bytes"
        }
        () if text.len() > ADDRESS_LIMIT => "the address is longer than 254 bytes",
        () if bare.contains("..") || bare.contains(".@") || bare.contains("@.") || bare.ends_with('.') => {
            "an empty part before, after or between dots"
        }
        () => "this is not an address; expected name@domain or Name <name@domain>",
    }
}

/// Whether it is a link to an address, or has one in its angle brackets (RFC 6068).
fn has_scheme(bare: &str) -> bool {
    let after_name = bare.rsplit('<').next().unwrap_or_default();
    let is_link = |text: &str| text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:"));
    is_link(bare) || is_link(after_name)
}

/// Whether there is a colon before any address: of a group, a header field or an unquoted name.
fn begins_with_colon(bare: &str) -> bool {
    let head = bare.split(['<', '@', '[']).next().unwrap_or_default();
    head.contains(':')
}

/// The text without the contents of its quoted strings.
fn outside_quotes(text: &str) -> String {
    let mut bare = String::new();
    let mut quoted = false;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => {
                quoted = !quoted;
                bare.push(c);
            }
            _ if quoted => {}
            _ => bare.push(c),
        }
    }
    bare
}
