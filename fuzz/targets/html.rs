//! Any HTML: its text part is as long as the HTML at most a few times, and has lines as a mail has them; text without tags
//! keeps its words.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_parser::MessageParser;
use smtp_mcp_server::request::{Addresses, Draft, SendEmailArgs};
use smtp_mcp_server_fuzz::{composed, limits};

/// Each tag may add a mark, a target's brackets, line ends and their indentation.
const GROWTH: usize = 24;

fuzz_target!(|html: String| {
    let Some(text) = text_part(&html) else { return };
    assert!(text.len() <= GROWTH * html.len() + 1, "{} bytes became {}", html.len(), text.len());
    assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{text:?}");
    assert!(text.lines().all(|line| !line.ends_with([' ', '\t'])), "{text:?}");
    if !html.contains(['<', '&']) {
        assert_eq!(words(&text), words(&html));
    }
});

/// The text part that arrives, if the request is taken.
fn text_part(html: &str) -> Option<String> {
    let asked = SendEmailArgs {
        to: Addresses::One("ada@example.org".to_owned()),
        subject: "s".to_owned(),
        body: html.to_owned(),
        html: Some(true),
        ..SendEmailArgs::default()
    };
    let message = composed(&Draft::parse(asked, &limits()).ok()?)?;
    let bytes = [&message.header_variants[0].header[..], &message.content[..]].concat();
    let seen = MessageParser::default().parse(&bytes)?;
    Some(seen.body_text(0)?.replace("\r\n", "\n"))
}

/// Letters and digits are neither cut nor joined, but where a control character goes.
fn words(text: &str) -> Vec<String> {
    let text: String = text.chars().filter(|c| !c.is_control() || c.is_ascii_whitespace()).collect();
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
