//! Header fields as lines (RFC 5322, sections 2.2.3 and 3.2): ASCII stays as it is and is folded at blanks; an encoded word
//! (RFC 2047) only for what is not ASCII, and for a word that does not fit on a line.

use super::encoded_word::{Lines, WordEncoding};
use crate::address::Mailbox;

/// The recommended length of a line in bytes (RFC 5322, section 2.1.1).
const LINE: usize = 78;
/// The limit of a line in bytes (RFC 5322, section 2.1.1).
const LINE_LIMIT: usize = 998;
/// The longest line with an encoded word (RFC 2047, section 2).
const ENCODED_LINE: usize = 76;
/// Lines of encoded words.
const ENCODED_LINES: Lines = Lines { limit: ENCODED_LINE, separator: "\r\n ", column: 1 };
/// The longest word that fits on a line of its own, after the blank.
const WORD: usize = LINE - 1;
/// Room for the shortest encoded word worth beginning.
const SHORTEST_ENCODED: usize = 24;

/// A field that is being written.
pub(super) struct Field<'h> {
    header: &'h mut Vec<u8>,
    column: usize,
    /// Nothing stands on this line before the column but the field's name or a blank.
    is_at_start: bool,
}

impl<'h> Field<'h> {
    /// Begins a field.
    pub(super) fn new(header: &'h mut Vec<u8>, name: &str) -> Self {
        header.extend_from_slice(name.as_bytes());
        header.push(b':');
        Self { header, column: name.len() + 1, is_at_start: true }
    }

    /// Writes words that are separated by single blanks; each stays whole.
    pub(super) fn words<'w>(mut self, words: impl IntoIterator<Item = &'w str>) {
        words.into_iter().for_each(|word| self.word(word));
        self.end();
    }

    /// Writes text for people (unstructured: RFC 5322, section 2.2.1).
    pub(super) fn text(mut self, text: &str) {
        let mut encoded: Vec<&str> = Vec::new();
        for word in split(text) {
            // A fold before the first word would be read as a blank of the text.
            let is_first = self.is_at_start && encoded.is_empty();
            let room = if is_first { LINE - self.column - 1 } else { WORD };
            if word.is_ascii() && word.len() <= room && !is_easily_misread(word) {
                self.encoded(&mut encoded, WordEncoding::QText);
                self.word(word);
            } else {
                encoded.push(word);
            }
        }
        self.encoded(&mut encoded, WordEncoding::QText);
        self.end();
    }

    /// Writes a list of mailboxes (RFC 5322, section 3.4).
    pub(super) fn mailboxes(mut self, mailboxes: &[Mailbox]) {
        for (index, mailbox) in mailboxes.iter().enumerate() {
            let comma = if index + 1 < mailboxes.len() { "," } else { "" };
            match &mailbox.name {
                // Bare, a quoted local part is taken for a name by some readers.
                None if mailbox.address.local().starts_with('"') => {
                    self.word(&format!("<{}>{comma}", mailbox.address));
                }
                None => self.word(&format!("{}{comma}", mailbox.address)),
                Some(name) => {
                    self.phrase(name);
                    self.word(&format!("<{}>{comma}", mailbox.address));
                }
            }
        }
        self.end();
    }

    /// Writes a display name: an ASCII one as atoms or as one quoted string; in another one, what is no atom as encoded words.
    ///
    /// Readers lose the blank between a quoted string and an encoded word, and take a folded quoted string for an address.
    fn phrase(&mut self, name: &str) {
        let words: Vec<&str> = split(name).collect();
        let quoted = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        if quoted.is_ascii() && quoted.len() <= WORD && !words.iter().all(|word| is_atom(word)) {
            return self.word(&quoted);
        }
        let mut encoded = Vec::new();
        for word in words {
            if is_atom(word) && word.len() <= WORD {
                self.encoded(&mut encoded, WordEncoding::QPhrase);
                self.word(word);
            } else {
                encoded.push(word);
            }
        }
        self.encoded(&mut encoded, WordEncoding::QPhrase);
    }

    /// A blank and the word, on the next line if it fits only there.
    fn word(&mut self, word: &str) {
        let end = self.column + 1 + word.len();
        let fits_below = word.len() <= WORD || end > LINE_LIMIT;
        if end > LINE && (!self.is_at_start || fits_below) {
            self.fold();
        } else {
            self.header.push(b' ');
            self.column += 1;
        }
        self.header.extend_from_slice(word.as_bytes());
        self.column += word.len();
        self.is_at_start = false;
    }

    /// Writes the collected words as encoded words: adjacent ones are read without the blank between them.
    fn encoded(&mut self, words: &mut Vec<&str>, q: WordEncoding) {
        if words.is_empty() {
            return;
        }
        let text = std::mem::take(words).join(" ");
        if !self.is_at_start && self.column + SHORTEST_ENCODED > ENCODED_LINE {
            self.fold();
        } else {
            self.column += 1;
        }
        let encoded = WordEncoding::shorter(q, &text).write(&text, self.column, ENCODED_LINES);
        // It folds if the first character does not fit; a blank before that would be read as a second one.
        if !encoded.starts_with("\r\n") && !self.header.ends_with(b" ") {
            self.header.push(b' ');
        }
        self.header.extend_from_slice(encoded.as_bytes());
        self.column = match encoded.rsplit_once("\r\n") {
            Some((_, last)) => last.len(),
            None => self.column + encoded.len(),
        };
        self.is_at_start = false;
    }

    fn fold(&mut self) {
        self.header.extend_from_slice(b"\r\n ");
        self.column = 1;
        self.is_at_start = true;
    }

    fn end(self) {
        self.header.extend_from_slice(b"\r\n");
    }
}

/// Splits at each blank that stands alone: in a longer run a fold could lose blanks, so it stays within its word.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let is_blank = |at: usize| bytes.get(at) == Some(&b' ');
    let mut from = 0;
    let ends = (1..bytes.len())
        .filter(move |&at| is_blank(at) && !is_blank(at - 1) && !is_blank(at + 1) && at + 1 < bytes.len());
    ends.chain(std::iter::once(bytes.len())).map(move |end| {
        let word = &text[from..end];
        from = end + 1;
        word
    })
}

/// Whether a plain word would be read as something else: blanks at the ends of a field are dropped, and `=?` begins an encoded
/// word.
fn is_easily_misread(word: &str) -> bool {
    word.starts_with(' ') || word.ends_with(' ') || word.contains("=?")
}

/// Whether it is an atom (RFC 5322, section 3.2.3).
fn is_atom(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    use super::Field;
    use crate::address::Mailbox;

    fn subject(text: &str) -> String {
        let mut header = Vec::new();
        Field::new(&mut header, "Subject").text(text);
        String::from_utf8(header).unwrap()
    }

    fn to(mailboxes: &[&str]) -> String {
        let mut header = Vec::new();
        let mailboxes: Vec<_> = mailboxes.iter().map(|one| Mailbox::parse(one).unwrap()).collect();
        Field::new(&mut header, "To").mailboxes(&mailboxes);
        String::from_utf8(header).unwrap()
    }

    #[test]
    fn ascii_stays_ascii_and_is_folded_at_blanks() {
        let long = "x".repeat(77);
        for (text, lines) in [
            ("Hello", "Hello"),
            (
                "Re: [project-dev] Proposal for changing the default timeout of the connection pool",
                "Re: [project-dev] Proposal for changing the default timeout of the\r\n connection pool",
            ),
            ("a  b   c", "a  b   c"),
            (&format!("a {long}"), &format!("a\r\n {long}")),
            ("Grüße from the team", "=?utf-8?B?R3LDvMOfZQ==?= from the team"),
            ("from Jörg Müller, Ulm", "from =?utf-8?B?SsO2cmcgTcO8bGxlciw=?= Ulm"),
            ("日本語 OK", "=?utf-8?B?5pel5pys6Kqe?= OK"),
            ("=?utf-8?q?a?= b", "=?utf-8?B?PT91dGYtOD9xP2E/PQ==?= b"),
            (" a b ", "=?utf-8?Q?_a_b_?="),
        ] {
            assert_eq!(subject(text), format!("Subject: {lines}\r\n"));
        }
    }

    #[test]
    fn names_are_atoms_quoted_strings_or_encoded_words() {
        for (mailboxes, line) in [
            (&["a@x.org"][..], "To: a@x.org\r\n"),
            (&["\"a b\"@x.org"], "To: <\"a b\"@x.org>\r\n"),
            (&["Ada Lovelace <a@x.org>", "b@x.org"], "To: Ada Lovelace <a@x.org>, b@x.org\r\n"),
            (&["\"Lovelace, Ada\" <a@x.org>"], "To: \"Lovelace, Ada\" <a@x.org>\r\n"),
            (&["J. R. Tolkien <a@x.org>"], "To: \"J. R. Tolkien\" <a@x.org>\r\n"),
            (&["\"Jörg (Ulm)\" <a@x.org>"], "To: =?utf-8?B?SsO2cmcgKFVsbSk=?= <a@x.org>\r\n"),
            (&["Jörg Müller <a@x.org>"], "To: =?utf-8?B?SsO2cmcgTcO8bGxlcg==?= <a@x.org>\r\n"),
        ] {
            assert_eq!(to(mailboxes), line);
        }
    }

    fn is_folded(header: &str) -> bool {
        header.trim_end().split("\r\n").all(|line| line.len() <= 78 && !line.trim().is_empty())
    }

    proptest! {
        #[test]
        fn every_subject_reads_the_same(text in "[a-z =?_ü日👩\u{200d}ש]{0,60}( [a-z]{1,90}){0,4}[A-Z ]{1,3}") {
            let header = subject(&text);
            prop_assert!(is_folded(&header), "{header}");
            let raw = format!("{header}\r\n");
            let message = MessageParser::new().parse_headers(raw.as_bytes()).unwrap();
            prop_assert_eq!(message.subject().unwrap(), text.as_str(), "{}", header);
        }

        #[test]
        fn every_name_reads_the_same(name in "[a-zA-Z.,()\"\\\\ü日]{1,20}( [a-z.ü]{1,50}){0,4}") {
            let quoted = format!("\"{}\" <a@x.org>", name.replace('\\', "\\\\").replace('"', "\\\""));
            let header = to(&[&quoted]);
            prop_assert!(is_folded(&header), "{header}");
            let raw = format!("{header}\r\n");
            let message = MessageParser::new().parse_headers(raw.as_bytes()).unwrap();
            let read = message.to().unwrap().first().unwrap();
            prop_assert_eq!((read.name(), read.address()), (Some(name.as_str()), Some("a@x.org")), "{}", header);
        }
    }
}
