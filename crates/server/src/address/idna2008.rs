//! What a label of an internationalized host name may hold (IDNA 2008: RFC 5892), after UTS 46 has mapped and normalised it.
//!
//! UTS 46 alone still accepts symbols and punctuation.

use unicode_general_category::{GeneralCategory, get_general_category};

/// The first character of a U-label that is not allowed in it.
pub(super) fn disallowed(label: &str) -> Option<char> {
    let chars: Vec<char> = label.chars().collect();
    let is_allowed = |at: usize| is_valid(chars[at]) || is_allowed_by_context(&chars, at);
    (0..chars.len()).find(|&at| !is_allowed(at)).map(|at| chars[at])
}

/// PVALID and CONTEXTJ (sections 2 and 3). The contexts of the joiners are checked with the mapping.
fn is_valid(c: char) -> bool {
    match c {
        'a'..='z' | '0'..='9' | '-' | '\u{200C}' | '\u{200D}' => true,
        // Exceptions (section 2.6), valid and not.
        '\u{06FD}' | '\u{06FE}' | '\u{0F0B}' | '\u{3007}' => true,
        '\u{0640}' | '\u{07FA}' | '\u{302E}' | '\u{302F}' | '\u{3031}'..='\u{3035}' | '\u{303B}' => false,
        // Arabic digits of two kinds: by context.
        '\u{0660}'..='\u{0669}' | '\u{06F0}'..='\u{06F9}' => false,
        // Ignorable blocks (section 2.4), and old Hangul Jamo (section 2.9).
        '\u{20D0}'..='\u{20FF}' | '\u{1D100}'..='\u{1D24F}' => false,
        '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97F}' | '\u{D7B0}'..='\u{D7FF}' => false,
        _ => matches!(
            get_general_category(c),
            GeneralCategory::LowercaseLetter
                | GeneralCategory::OtherLetter
                | GeneralCategory::ModifierLetter
                | GeneralCategory::DecimalNumber
                | GeneralCategory::NonspacingMark
                | GeneralCategory::SpacingMark
        ),
    }
}

/// CONTEXTO (appendices A.3 to A.9).
fn is_allowed_by_context(label: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| label.get(before)).copied();
    let after = label.get(at + 1).copied();
    match label[at] {
        '\u{00B7}' => before == Some('l') && after == Some('l'),
        '\u{0375}' => after.is_some_and(|c| matches!(c, '\u{0370}'..='\u{03FF}' | '\u{1F00}'..='\u{1FFF}')),
        '\u{05F3}' | '\u{05F4}' => before.is_some_and(|c| matches!(c, '\u{0591}'..='\u{05F4}')),
        '\u{30FB}' => label.iter().any(|&c| is_japanese(c)),
        '\u{0660}'..='\u{0669}' => !label.iter().any(|c| matches!(c, '\u{06F0}'..='\u{06F9}')),
        '\u{06F0}'..='\u{06F9}' => !label.iter().any(|c| matches!(c, '\u{0660}'..='\u{0669}')),
        _ => false,
    }
}

/// Hiragana, Katakana and Han.
fn is_japanese(c: char) -> bool {
    matches!(c, '\u{3005}' | '\u{3007}' | '\u{3041}'..='\u{309F}' | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}'
        | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFD}')
}
