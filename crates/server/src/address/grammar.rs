//! The grammar of one mailbox (RFC 5322, section 3.4; RFC 5321, section 4.1.2; RFC 6532), without comments, folding, groups,
//! routes and obsolete forms. Control characters are excluded before.

/// The longest address on the wire: the path's 256 bytes without its angle brackets (RFC 5321, section 4.5.3.1.3).
pub(super) const ADDRESS_LIMIT: usize = 254;
/// The longest local part in bytes (RFC 5321, section 4.5.3.1.1).
const LOCAL_LIMIT: usize = 64;

/// A mailbox, in the text as given.
pub(super) struct Parsed<'t> {
    /// What stands before the `<`: atoms, quoted strings, dots and spaces.
    pub(super) phrase: Option<&'t str>,
    /// The local part; a quoted one without its quotes.
    pub(super) local: &'t str,
    pub(super) is_quoted: bool,
    /// The domain; a literal without its brackets.
    pub(super) domain: &'t str,
    pub(super) is_literal: bool,
}

/// `addr-spec`, or `phrase <addr-spec>`. `None`: the text is neither.
pub(super) fn mailbox(text: &str) -> Option<Parsed<'_>> {
    let Some(bare) = text.strip_suffix('>') else {
        return addr_spec(text);
    };
    let (phrase, rest) = bare.split_at(phrase_end(bare)?);
    let parsed = addr_spec(rest.strip_prefix('<')?)?;
    Some(Parsed { phrase: Some(phrase), ..parsed })
}

/// Where a phrase ends, perhaps an empty one. A dot belongs to it, as in `J. R. R. Tolkien` (RFC 5322, section 4.1).
fn phrase_end(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '"' => at += quoted_string(&text[at..])?,
            ' ' | '.' => at += 1,
            _ if is_atext(c) => at += c.len_utf8(),
            _ => break,
        }
    }
    Some(at)
}

fn addr_spec(text: &str) -> Option<Parsed<'_>> {
    let is_quoted = text.starts_with('"');
    let local_end = if is_quoted { quoted_string(text)? } else { text.find('@')? };
    let (local, rest) = text.split_at(local_end);
    let domain = rest.strip_prefix('@')?;
    let literal = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_valid = local.len() <= LOCAL_LIMIT
        && (is_quoted || is_dot_atom(local))
        && literal.map_or_else(|| is_dot_atom(domain), |inside| inside.chars().all(is_dtext));
    is_valid.then_some(Parsed {
        phrase: None,
        local: if is_quoted { &local[1..local.len() - 1] } else { local },
        is_quoted,
        domain: literal.unwrap_or(domain),
        is_literal: literal.is_some(),
    })
}

/// The length of the quoted string at the beginning of `text`, with its quotes.
fn quoted_string(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

fn is_dtext(c: char) -> bool {
    !matches!(c, '[' | ']' | '\\' | ' ')
}
