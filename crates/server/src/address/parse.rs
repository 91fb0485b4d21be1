//! One mailbox: a library checks the grammar, this module rejects what is valid but could be misread.

use std::borrow::Cow;

use parse_net::Limits;
use parse_net::mail::{AddrSpec, Domain, LocalPart, parse_mailbox};
use unicode_general_category::{GeneralCategory, get_general_category};

use super::{Address, Mailbox, character, host};

/// The longest address on the wire: the path's 256 bytes without its angle brackets (RFC 5321, section 4.5.3.1.3).
const ADDRESS_LIMIT: usize = 254;
/// The longest display name in characters: it has to fit into a readable header.
const NAME_LIMIT: usize = 256;
/// Why text that looks like an encoded word (RFC 2047) is rejected.
const ENCODED_WORD: &str = "it looks like an encoded word (=?…?=); write the name in plain UTF-8";
/// Full-width and small forms that look like separators of addresses.
const LOOKALIKES: &[char] = &[
    '\u{FF20}', '\u{FE6B}', '\u{FF0C}', '\u{FE50}', '\u{FF1B}', '\u{FE54}', '\u{FF1C}', '\u{FE64}',
    '\u{FF1E}', '\u{FE65}', '\u{FF0E}', '\u{FE52}', '\u{3002}', '\u{FF61}', '\u{FF1A}', '\u{037E}',
];

type Reason = Cow<'static, str>;

/// Parses one mailbox, or returns why the text is not one.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, Reason> {
    let trimmed = text.trim_matches(' ');
    if trimmed.is_empty() {
        return Err("the address is empty".into());
    }
    if let Some(found) = character::control_in(trimmed) {
        return Err(format!("it has {found}").into());
    }
    if trimmed.contains("=?") {
        return Err(ENCODED_WORD.into());
    }
    if let Some(mailbox) = repeated(trimmed) {
        return Ok(mailbox);
    }
    let parsed = parse_mailbox(trimmed.as_bytes(), &Limits::DEFAULT).map_err(|_| reason_of(trimmed))?;
    let address = address(parsed.addr)?;
    let name = match parsed.display_name.map(str::from_utf8) {
        None => None,
        Some(Ok(raw)) => display_name(raw)?,
        Some(Err(_)) => return Err("the name is not valid UTF-8".into()),
    };
    if let Some(name) = &name {
        check_name(name, &address)?;
    }
    Ok(Mailbox { name, address })
}

/// `ada@example.org <ada@example.org>`, as address books write it: invalid, yet unambiguous.
fn repeated(text: &str) -> Option<Mailbox> {
    let (head, tail) = text.split_once('<')?;
    let inside =
        tail.strip_suffix('>').filter(|inside| !inside.contains(['<', '"']) && !head.contains('"'))?;
    let head = mailbox(head).ok()?;
    (mailbox(inside).ok()? == head).then_some(head)
}

fn address(parsed: AddrSpec<'_>) -> Result<Address, Reason> {
    let local = match parsed.local {
        LocalPart::DotAtom(atom) => str::from_utf8(atom).unwrap_or_default().to_owned(),
        LocalPart::Quoted(quoted) => quoted_local(str::from_utf8(quoted.raw()).unwrap_or_default())?,
    };
    let (Domain::DotAtom(given) | Domain::Literal(given)) = parsed.domain;
    let given = str::from_utf8(given).unwrap_or_default();
    check_address_text(&local, "the part before the @")?;
    check_address_text(given, "the domain")?;
    let domain = match parsed.domain {
        Domain::DotAtom(_) => host::name(given)?,
        Domain::Literal(_) => host::literal(given)?,
    };
    let address = Address { local, domain };
    if address.local.len() + 1 + address.domain.len() > ADDRESS_LIMIT {
        return Err("the address is longer than 254 bytes".into());
    }
    Ok(address)
}

/// A quoted local part. Separators of addresses are not allowed in it, although they are valid (RFC 5321, section 4.1.2):
/// some relays split at them before they look at the quotes, and deliver to another address.
fn quoted_local(raw: &str) -> Result<String, Reason> {
    if raw.contains(['@', ',', ';', '<', '>']) {
        return Err("the quoted part before the @ could be read as a second address".into());
    }
    Ok(format!("\"{raw}\""))
}

/// No invisible characters, no space but U+0020, no lookalikes of separators.
fn check_address_text(text: &str, place: &str) -> Result<(), Reason> {
    for (at, c) in text.char_indices() {
        if let Some(what) = character::forbidden(c) {
            return Err(format!("{place} has {}", character::described(what, c)).into());
        }
        if LOOKALIKES.contains(&c) {
            return Err(format!(
                "{place} has {}",
                character::described("a character that looks like a separator", c)
            )
            .into());
        }
        let space = get_general_category(c) == GeneralCategory::SpaceSeparator && c != ' ';
        let selector = matches!(c, '\u{FE0E}' | '\u{FE0F}')
            && text[..at].chars().next_back().is_none_or(|before| before.is_ascii());
        if space || selector {
            return Err(format!(
                "{place} has {}",
                character::described("an odd space or invisible character", c)
            )
            .into());
        }
    }
    Ok(())
}

/// The display name: quotes resolved, runs of spaces folded. A comment is rejected.
fn display_name(raw: &str) -> Result<Option<String>, Reason> {
    let mut name = String::new();
    let mut quoted = false;
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => name.extend(chars.next()),
            '(' | ')' if !quoted => {
                return Err("comments in parentheses are not supported; put the name in quotes".into());
            }
            ' ' if !quoted && name.ends_with(' ') => {}
            _ => name.push(c),
        }
    }
    let name = name.trim_matches(' ');
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

fn check_name(name: &str, address: &Address) -> Result<(), Reason> {
    if let Some(found) = character::forbidden_in_name(name) {
        return Err(format!("the name has {found}").into());
    }
    if name.chars().count() > NAME_LIMIT {
        return Err("the name is longer than 256 characters".into());
    }
    // A backslash within quotes can hide one from the check of the whole text.
    if name.contains("=?") {
        return Err(ENCODED_WORD.into());
    }
    if name.contains(['@', '\u{FF20}', '\u{FE6B}'])
        && mailbox(name).ok().map(|other| other.address).as_ref() != Some(address)
    {
        return Err("the name could be read as a second address".into());
    }
    Ok(())
}

/// The first reason that applies for a grammar error.
fn reason_of(text: &str) -> Reason {
    let bare = outside_quotes(text);
    let ats = bare.matches('@').count();
    match () {
        () if bare.matches('"').count() % 2 == 1 => "a quote is not closed",
        () if bare.contains(';') || is_group(&bare) => {
            "groups and semicolons are not supported; separate addresses with commas"
        }
        () if bare.contains(['(', ')']) => "comments in parentheses are not supported",
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
    .into()
}

/// Whether there is a colon before any address: the beginning of a group.
fn is_group(bare: &str) -> bool {
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
