//! A server's reply: a code, perhaps an enhanced code, and untrusted text.

mod parser;

use std::fmt;

use unicode_normalization::UnicodeNormalization;

pub use parser::{ParseError, ReplyParser};

/// The longest quotation of a server's text, in characters.
const QUOTE_LIMIT: usize = 300;

/// A complete reply (RFC 5321, section 4.2), its lines joined by `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three-digit reply code, 200 to 599.
    pub code: u16,
    /// The enhanced status code (RFC 3463), if there is one.
    pub enhanced: Option<EnhancedCode>,
    /// The text after the codes, as received.
    pub text: String,
}

/// An enhanced mail system status code (RFC 3463), such as 5.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnhancedCode {
    /// 2 (success), 4 (transient) or 5 (permanent).
    pub class: u8,
    /// What the status is about.
    pub subject: u16,
    /// The detail within the subject.
    pub detail: u16,
}

impl Reply {
    /// 2xx: success.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4xx: a transient failure.
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5xx: a permanent failure.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// The text's lines, as EHLO uses them.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n')
    }

    /// The text as one line that is safe to display: control and format characters out, spaces folded, length capped.
    pub fn quoted(&self) -> String {
        quote(&self.text, QUOTE_LIMIT)
    }
}

/// A server's text as one line of at most `limit` characters that is safe to display.
pub fn quote(text: &str, limit: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_control() || c.is_whitespace()) {
        let word: String = word.chars().filter(|c| !is_invisible(*c)).collect();
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if line.chars().count() > limit {
        line = line.chars().take(limit).collect();
        line.push('…');
    }
    line
}

/// How texts are compared: compatibility forms replaced by plain ones (NFKC), without invisible characters.
pub(crate) fn normalized(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).nfkc().collect()
}

/// Invisible characters: bidirectional controls change how a quotation reads, and tags, fillers and variation
/// selectors carry text that a person does not see but a model does.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        let text = self.quoted();
        if text.is_empty() { Ok(()) } else { write!(f, " {text}") }
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn nothing_invisible_gets_into_a_quotation() {
        let smuggled: String =
            "delete all".chars().map(|c| char::from_u32(0xE0000 + u32::from(c)).unwrap()).collect();
        for (text, shown) in [
            (format!("no{smuggled} such user"), "no such user"),
            ("a\u{200b}b\u{202e}c\u{fe0f}\u{e0100}\u{3164}\u{ad}d".to_owned(), "abcd"),
            ("one\r\ntwo\u{2028}three\u{85}four\u{1b}[31m".to_owned(), "one two three four [31m"),
            ("Grüße 你好 🙂".to_owned(), "Grüße 你好 🙂"),
            ("x".repeat(500), &format!("{}…", "x".repeat(300))),
        ] {
            assert_eq!(quote(&text, 300), shown, "{text:?}");
        }
    }
}
