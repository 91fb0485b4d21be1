//! Encoded words (RFC 2047): what is not ASCII in a header field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest encoded word (section 2).
const LONGEST: usize = 75;
const START: &str = "=?utf-8?";
/// The start, the letter of the encoding with its question mark, and the end.
const DELIMITERS: usize = START.len() + "X?".len() + "?=".len();

/// How the bytes of a text are written (section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordEncoding {
    /// Base64.
    B,
    /// Like quoted-printable, for text.
    QText,
    /// The same within a phrase, such as a display name, where fewer characters may stand for themselves (section 5).
    QPhrase,
}

/// Where a line ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines {
    /// The longest line.
    pub(super) limit: usize,
    /// What is written between two words.
    pub(super) separator: &'static str,
    /// The column behind it.
    pub(super) column: usize,
}

impl WordEncoding {
    /// The shorter one of B and `q`.
    pub(super) fn shorter(q: Self, text: &str) -> Self {
        if q.len(text) <= Self::B.len(text) { q } else { Self::B }
    }

    /// Writes the text as encoded words from `column` on, no character split between two of them. Where not even the first
    /// character fits on the line, it begins with the separator.
    pub(super) fn write(self, text: &str, column: usize, lines: Lines) -> String {
        let mut written = String::new();
        let (mut column, mut word) = (column, "");
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let longer = &rest_of(text, word, rest)[..word.len() + next.len_utf8()];
            let room = LONGEST.min(lines.limit.saturating_sub(column)).saturating_sub(DELIMITERS);
            // On an empty line even a character that is too long must be written.
            let is_on_fresh_line = word.is_empty() && column == lines.column;
            if self.len(longer) <= room || is_on_fresh_line {
                (word, rest) = (longer, &rest[next.len_utf8()..]);
                continue;
            }
            if !word.is_empty() {
                self.word(word, &mut written);
                word = "";
            }
            written.push_str(lines.separator);
            column = lines.column;
        }
        if !word.is_empty() {
            self.word(word, &mut written);
        }
        written
    }

    /// The length of the text as it is written within one word.
    fn len(self, text: &str) -> usize {
        match self {
            Self::B => text.len().div_ceil(3) * 4,
            q => text.bytes().map(|byte| if byte == b' ' || q.may_stand(byte) { 1 } else { 3 }).sum(),
        }
    }

    fn word(self, text: &str, written: &mut String) {
        written.push_str(START);
        match self {
            Self::B => {
                written.push_str("B?");
                STANDARD.encode_string(text, written);
            }
            q => {
                written.push_str("Q?");
                text.bytes().for_each(|byte| q.byte(byte, written));
            }
        }
        written.push_str("?=");
    }

    fn byte(self, byte: u8, written: &mut String) {
        match byte {
            b' ' => written.push('_'),
            byte if self.may_stand(byte) => written.push(char::from(byte)),
            byte => written.push_str(&format!("={byte:02X}")),
        }
    }

    fn may_stand(self, byte: u8) -> bool {
        match self {
            Self::QPhrase => byte.is_ascii_alphanumeric() || b"!*+-/".contains(&byte),
            _ => byte.is_ascii_graphic() && !b"=?_".contains(&byte),
        }
    }
}

/// The text from the beginning of `word`, which ends where `rest` begins.
fn rest_of<'t>(text: &'t str, word: &str, rest: &str) -> &'t str {
    &text[text.len() - rest.len() - word.len()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: Lines = Lines { limit: 76, separator: "\r\n ", column: 1 };

    #[test]
    fn text_is_written_as_words_within_the_line() {
        for (encoding, text, column, expected) in [
            (WordEncoding::QText, "Grüße, Köln_?", 9, "=?utf-8?Q?Gr=C3=BC=C3=9Fe,_K=C3=B6ln=5F=3F?="),
            (WordEncoding::QPhrase, "Ü, (x)", 9, "=?utf-8?Q?=C3=9C=2C_=28x=29?="),
            (WordEncoding::B, "日本", 9, "=?utf-8?B?5pel5pys?="),
            (WordEncoding::B, "日", 70, "\r\n =?utf-8?B?5pel?="),
            (WordEncoding::QText, "", 9, ""),
        ] {
            assert_eq!(encoding.write(text, column, LINES), expected, "{text}");
        }
        let long = WordEncoding::B.write(&"日".repeat(60), 9, LINES);
        assert!(long.split("\r\n ").all(|word| word.len() <= LONGEST && word.ends_with("?=")), "{long}");
        assert_eq!(long.split("\r\n ").count(), 5);
    }
}
