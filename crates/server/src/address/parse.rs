//! One mailbox: after the grammar, this module rejects what is valid but could be misread.

use std::borrow::Cow;

use unicode_general_category::{GeneralCategory, get_general_category};

use super::grammar::{self, ADDRESS_LIMIT, Parsed};
use super::{Address, Mailbox, character, host, punctuation, reason};

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
    let parsed = grammar::mailbox(trimmed).ok_or_else(|| reason::reason_of(trimmed))?;
    let address = address(&parsed)?;
    let name = parsed.phrase.and_then(display_name);
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

fn address(parsed: &Parsed<'_>) -> Result<Address, Reason> {
    let local = if parsed.is_quoted { quoted_local(parsed.local)? } else { parsed.local.to_owned() };
    check_address_text(&local, "the part before the @")?;
    check_address_text(parsed.domain, "the domain")?;
    let domain = if parsed.is_literal { host::literal(parsed.domain)? } else { host::name(parsed.domain)? };
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
        if let Some(what) = punctuation::typographic(c) {
            let what = character::described(what, c);
            return Err(
                format!("{place} has {what}, probably copied along with the address; remove it").into()
            );
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

/// The display name: quotes resolved, runs of spaces folded.
fn display_name(phrase: &str) -> Option<String> {
    let mut name = String::new();
    let mut quoted = false;
    let mut chars = phrase.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => name.extend(chars.next()),
            ' ' if !quoted && name.ends_with(' ') => {}
            _ => name.push(c),
        }
    }
    let name = name.trim_matches(' ');
    (!name.is_empty()).then(|| name.to_owned())
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
