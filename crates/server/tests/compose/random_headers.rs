//! A thousand random subjects, names and file names, read back by mail-parser and by Python's `email`.

use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;
use smtp_mcp_server::message::Message;

use crate::fixture::{bytes, made};
use crate::oracle::{assert_sound, parsed_by_python};

const MAILS: usize = 1000;

/// Words of one script, or of several.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "[!-~]{1,12}",
        1 => "[a-z]{60,90}",
        2 => "[a-zA-Zà-öø-ÿ]{1,14}",
        2 => "[ぁ-ゖァ-ヺ一-龥가-힣]{1,30}",
        1 => "[א-תء-غف-ي]{1,16}",
        1 => prop::sample::select(vec!["👩\u{200D}👩\u{200D}👧", "🏳\u{FE0F}\u{200D}🌈", "❤\u{FE0F}", "👍🏽", "🇩🇪"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(word, 1..9).prop_map(|words| words.join(" "))
}

/// At most 200 characters, without blanks at the ends; a cut within an emoji must not leave a joiner that joins nothing.
fn cut(text: &str) -> String {
    text.chars().take(200).collect::<String>().trim_matches([' ', '\u{200D}']).to_owned()
}

/// A text as a name: without what a name may not have.
fn name() -> impl Strategy<Value = String> {
    words().prop_map(|text| cut(&text.replace(['@', '='], "-")))
}

fn file_name() -> impl Strategy<Value = String> {
    words().prop_map(|text| cut(&text.replace(['/', '\\'], ".")) + ".bin")
}

#[test]
fn a_thousand_random_headers_read_the_same() {
    let mut runner = TestRunner::default();
    let mut sample = || (words(), name(), file_name()).new_tree(&mut runner).unwrap().current();
    let mut given: Vec<_> = (0..MAILS).map(|_| sample()).collect();
    // At some of these lengths, no part of the emoji fits behind the word before it.
    let before_emoji = (1..60).map(|length| format!("{0} {1} 👍🏽 {0}", "a".repeat(90), "b".repeat(length)));
    given.extend(before_emoji.map(|subject| (subject, "Ada".to_owned(), "a.bin".to_owned())));
    let messages: Vec<Message> = given
        .iter()
        .map(|(subject, name, file_name)| {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            made(json!({
                "to": [format!("\"{quoted}\" <b@x.org>"), "c@x.org"], "subject": subject, "body": "b",
                "attachments": [{ "content": "AAEC", "filename": file_name }],
            }))
        })
        .collect();
    for ((subject, name, file_name), message) in given.iter().zip(&messages) {
        let raw = bytes(message, &message.header_variants[0]);
        assert_folded(&raw);
        let read = MessageParser::new().parse(&raw).unwrap();
        assert_eq!(read.subject(), Some(subject.as_str()));
        assert_eq!(read.to().unwrap().first().unwrap().name(), Some(name.as_str()));
        assert_eq!(read.attachment(0).unwrap().attachment_name(), Some(file_name.as_str()));
    }
    let Some(seen) = parsed_by_python(&messages) else { return };
    for ((subject, name, file_name), seen) in given.iter().zip(seen) {
        assert_sound(&seen);
        assert_eq!(seen["fields"]["Subject"], subject.as_str());
        assert_eq!(seen["names"]["To"][0], name.as_str(), "{seen:#}");
        assert_eq!(seen["parts"][1]["filename"], file_name.as_str());
    }
}

/// Asserts that no line of a header is longer than 78 bytes: nothing here has to be. A blank at its end would be one too many.
fn assert_folded(raw: &[u8]) {
    for line in String::from_utf8_lossy(raw).split("\r\n") {
        assert!(line.len() <= 78 && !line.ends_with(' '), "{line}");
    }
}
