//! The part after the @: a host name as A-labels, or an address literal (RFC 5321, section 4.1.3; IDNA 2008).

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{character, idna2008};

/// The wire form of a host name: lower case, A-labels.
pub(super) fn name(given: &str) -> Result<String, Cow<'static, str>> {
    if given.split('.').any(str::is_empty) {
        return Err("the domain has an empty label (two dots, or a dot at an end)".into());
    }
    if given.contains(['\u{3002}', '\u{FF0E}', '\u{FF61}']) {
        return Err("the domain has a character that only looks like a dot".into());
    }
    if given.split('.').any(|label| label.is_ascii() && label.len() > 63) {
        return Err("a part of the domain is longer than 63 bytes".into());
    }
    let Ok(ascii) = idna::domain_to_ascii_strict(given) else {
        return Err("the domain is not a valid host name".into());
    };
    let (shown, _) = idna::domain_to_unicode(&ascii);
    if let Some(c) = shown.split('.').find_map(idna2008::disallowed) {
        let what = character::described("a character that no host name may have", c);
        return Err(format!("the domain has {what}").into());
    }
    if !reads_the_same(given, &ascii) {
        return Err("the domain has characters that stand for others; write the plain ones".into());
    }
    if ascii.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit())) {
        return Err(
            "the domain ends in a number; an address literal is written in brackets, such as [192.0.2.1]"
                .into(),
        );
    }
    Ok(ascii)
}

/// The wire form of an address literal, given without its brackets.
pub(super) fn literal(inside: &str) -> Result<String, Cow<'static, str>> {
    let v6 = inside.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")).and_then(|_| inside.get(5..));
    let parsed = match v6 {
        Some(text) => text.parse::<Ipv6Addr>().ok().map(|ip| format!("[IPv6:{ip}]")),
        None => inside.parse::<Ipv4Addr>().ok().map(|ip| format!("[{ip}]")),
    };
    parsed.ok_or_else(|| "the address literal is neither [192.0.2.1] nor [IPv6:2001:db8::1]".into())
}

/// Whether the mapping neither changed anything into ASCII nor dropped anything: IDNA maps full-width letters, ligatures and the
/// like, and silently deletes what it ignores.
fn reads_the_same(given: &str, ascii: &str) -> bool {
    if given.is_ascii() {
        return given.eq_ignore_ascii_case(ascii);
    }
    let (shown, result) = idna::domain_to_unicode(ascii);
    let plain =
        |text: &str| text.chars().filter(char::is_ascii).map(|c| c.to_ascii_lowercase()).collect::<String>();
    let drops = |c: char| matches!(c, '\u{FE0E}' | '\u{FE0F}');
    result.is_ok() && (plain(given) == plain(&shown) || composes(given, &shown)) && !given.contains(drops)
}

/// Whether the ASCII letters that are missing in `shown` went into composed characters (NFC: `u` + U+0308 = `ü`).
fn composes(given: &str, shown: &str) -> bool {
    let mut letters = given.chars().peekable();
    let mut kept = String::new();
    while let Some(c) = letters.next() {
        let marked = letters.peek().is_some_and(|next| ('\u{0300}'..='\u{036F}').contains(next));
        if c.is_ascii() && !marked {
            kept.push(c.to_ascii_lowercase());
        }
    }
    kept == shown.chars().filter(char::is_ascii).collect::<String>()
}
