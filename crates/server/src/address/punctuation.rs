//! Punctuation that clings to an address copied from a text, and slips into one that was typed on a phone.

use unicode_general_category::{GeneralCategory, get_general_category};

/// What the character is, if it is such punctuation. Punctuation that is written within words of a script is not.
pub(super) fn typographic(c: char) -> Option<&'static str> {
    use GeneralCategory::{
        ClosePunctuation, DashPunctuation, FinalPunctuation, InitialPunctuation, OpenPunctuation,
        OtherPunctuation,
    };
    if c.is_ascii() || is_within_words(c) {
        return None;
    }
    match (c, get_general_category(c)) {
        ('\u{2025}' | '\u{2026}' | '\u{22EE}'..='\u{22F1}' | '\u{FE19}' | '\u{FE30}', _) => {
            Some("an ellipsis")
        }
        ('\u{2044}' | '\u{2215}' | '\u{29F8}' | '\u{FF0F}', _) => Some("a slash that is not /"),
        ('\u{2212}' | '\u{2043}', _) | (_, DashPunctuation) => Some("a typographic dash"),
        ('\u{201A}' | '\u{201E}' | '\u{2032}'..='\u{2037}' | '\u{2E42}' | '\u{FF02}' | '\u{FF07}', _)
        | (_, InitialPunctuation | FinalPunctuation) => Some("a typographic quotation mark"),
        (
            '\u{3000}'..='\u{303F}' | '\u{FE10}'..='\u{FE6F}' | '\u{FF00}'..='\u{FFEF}',
            OpenPunctuation | ClosePunctuation | OtherPunctuation,
        ) => Some("CJK punctuation"),
        (_, OpenPunctuation | ClosePunctuation) => Some("a bracket that is not ASCII"),
        ('\u{2010}'..='\u{205E}', OtherPunctuation) => Some("typographic punctuation"),
        _ => None,
    }
}

/// The Armenian, Hebrew and Mongolian hyphens, and the halfwidth middle dot of Katakana.
fn is_within_words(c: char) -> bool {
    matches!(c, '\u{058A}' | '\u{05BE}' | '\u{1806}' | '\u{FF65}')
}
