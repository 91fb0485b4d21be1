//! Invisible characters, and those that change how a text reads (Unicode general categories).

use unicode_general_category::{GeneralCategory, get_general_category};

/// How much of a caller's text an error quotes, in characters.
const QUOTE_LIMIT: usize = 120;

/// Why `c` is allowed neither in a name nor in an address, if it is not.
pub fn forbidden(c: char) -> Option<&'static str> {
    if is_blank_filler(c) {
        return Some("an invisible character");
    }
    match get_general_category(c) {
        GeneralCategory::Control => Some("a control character"),
        GeneralCategory::Format => Some("an invisible or bidirectional control character"),
        GeneralCategory::PrivateUse => Some("a private-use character"),
        GeneralCategory::Unassigned => Some("an unassigned character"),
        GeneralCategory::Surrogate => Some("a surrogate"),
        GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => Some("a line separator"),
        _ => None,
    }
}

/// The first disallowed character of a text that people read: a display name or a file name.
///
/// The joiners U+200C and U+200D are needed to write Persian, Indic scripts and emoji, so they are allowed between two
/// characters beyond ASCII.
pub fn forbidden_in_name(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let beyond_ascii = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| !c.is_ascii());
    chars.iter().enumerate().find_map(|(at, &c)| {
        let joins = matches!(c, '\u{200C}' | '\u{200D}')
            && beyond_ascii(at.checked_sub(1))
            && beyond_ascii(Some(at + 1));
        if joins { None } else { forbidden(c).map(|what| described(what, c)) }
    })
}

/// The first control character or line separator of a header's text; other invisible characters are harmless there.
pub fn control_in(text: &str) -> Option<String> {
    let breaks = |c: &char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().find(breaks).map(|c| described("a control character", c))
}

/// The character described with its code point, because it may be invisible.
pub fn described(what: &str, c: char) -> String {
    format!("{what} (U+{:04X})", u32::from(c))
}

/// A caller's text in quotes, on one line, with invisible characters escaped, shortened for an error message.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (count, c) in text.chars().enumerate() {
        if count == QUOTE_LIMIT {
            quoted.push('…');
            break;
        }
        if forbidden(c).is_some() {
            quoted.extend(c.escape_unicode());
        } else {
            quoted.push(c);
        }
    }
    quoted.push('"');
    quoted
}

/// Letters and marks that display nothing (Default_Ignorable_Code_Point outside the format category), except the
/// variation selectors that emoji use.
fn is_blank_filler(c: char) -> bool {
    matches!(c, '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{2800}' | '\u{3164}' | '\u{FFA0}' | '\u{FE00}'..='\u{FE0D}' | '\u{E0100}'..='\u{E01EF}')
}
