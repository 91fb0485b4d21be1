//! The name of an attached file: in Content-Disposition as RFC 2231 wants it, and for older clients in Content-Type.

use mail_builder::headers::HeaderType;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;

use super::encoded_word::{Lines, WordEncoding};

/// The longest name in bytes that fits, in quotes, on a line of its own.
const PLAIN: usize = 65;
/// The longest value that the builder leaves on one line, in bytes.
const BUILDER_LINE: usize = 78;
/// The longest section of a value (RFC 2231, section 3), in bytes.
const SECTION: usize = 54;
/// The longest encoded word behind ` name="`.
const WORD: usize = 60;

/// Content-Disposition with the name (RFC 2183). There is no second, plain `filename` beside an encoded one: strict parsers report
/// that as a defect.
pub(super) fn disposition<'x>(kind: &'static str, name: &'x str) -> HeaderType<'x> {
    let is_for_the_builder =
        !name.contains("=?") && (is_plain(name) || !name.is_ascii() || name.len() > BUILDER_LINE);
    if is_for_the_builder {
        return ContentType::new(kind).attribute("filename", name).into();
    }
    let value = match sections(name).as_slice() {
        [whole] => format!("{kind}; filename*=utf-8''{whole}"),
        many => many.iter().enumerate().fold(kind.to_owned(), |value, (index, section)| {
            let charset = if index == 0 { "utf-8''" } else { "" };
            format!("{value}; filename*{index}*={charset}{section}")
        }),
    };
    Raw::new(value).into()
}

/// Content-Type; a name that is not plain is repeated in it as encoded words (RFC 2047), which RFC 2231 replaced and older
/// clients still expect.
pub(super) fn content_type(media_type: &str, name: &str) -> String {
    if is_plain(name) {
        return media_type.to_owned();
    }
    let lines = Lines { limit: WORD, separator: " ", column: 0 };
    let words = WordEncoding::shorter(WordEncoding::QPhrase, name).write(name, 0, lines);
    format!("{media_type}; name=\"{words}\"")
}

/// Whether it is written as it is: `=?` would be decoded by lenient parsers.
fn is_plain(name: &str) -> bool {
    let escapes = name.bytes().filter(|b| matches!(b, b'"' | b'\\')).count();
    name.is_ascii() && name.len() + escapes <= PLAIN && !name.contains("=?")
}

/// Every byte escaped, so that nothing in it looks like an encoded word; no character is split between two sections, because some
/// readers decode each on its own.
fn sections(name: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    for c in name.chars() {
        let escaped: String = c.encode_utf8(&mut [0; 4]).bytes().map(|b| format!("%{b:02X}")).collect();
        match sections.last_mut() {
            Some(last) if last.len() + escaped.len() <= SECTION => last.push_str(&escaped),
            _ => sections.push(escaped),
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use mail_builder::headers::Header;
    use mail_parser::{MessageParser, MimeHeaders};
    use proptest::prelude::*;

    use super::{Raw, content_type, disposition};

    fn fields(name: &str) -> String {
        let mut header = b"Content-Type: ".to_vec();
        Raw::new(content_type("application/octet-stream", name)).write_header(&mut header, 14);
        header.extend_from_slice(b"Content-Disposition: ");
        disposition("attachment", name).write_header(&mut header, 21);
        String::from_utf8(header).unwrap()
    }

    #[test]
    fn old_clients_find_a_name_that_is_not_plain_in_the_content_type() {
        assert_eq!(
            fields("a b.txt"),
            "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"a b.txt\"\r\n"
        );
        assert_eq!(
            fields("Grüße.txt"),
            "Content-Type: application/octet-stream; name=\"=?utf-8?B?R3LDvMOfZS50eHQ=?=\"\r\n\
             Content-Disposition: attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt\r\n"
        );
    }

    proptest! {
        #[test]
        fn every_name_reads_the_same(name in "[a-zA-Z0-9 ._()=?%\"ü日ש👩-]{1,200}[a-z]") {
            let fields = fields(&name);
            prop_assert!(fields.trim_end().split("\r\n").all(|line| line.len() <= 78), "{fields}");
            let raw = format!("{fields}\r\nx");
            let message = MessageParser::new().parse(raw.as_bytes()).unwrap();
            prop_assert_eq!(message.attachment_name(), Some(name.as_str()), "{}", fields);
        }
    }
}
