//! Any bytes as replies: never beyond the bounds, and the same however they were split.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_submission::Reply;
use smtp_submission::reply::{ParseError, ReplyParser};

/// The bounds that the parser promises, with room for what replaces bytes that are no UTF-8.
const LONGEST_TEXT: usize = 3 * 64 * 1024;
const LONGEST_QUOTE: usize = 301;

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (splits, bytes) = input;
    let whole = read(&[bytes]);
    assert_eq!(whole, read(&split(&splits, bytes)));
    assert_eq!(whole, read(&bytes.chunks(1).collect::<Vec<_>>()));
    match &whole {
        (replies, None) => replies.iter().for_each(check),
        (replies, Some(garbled)) => {
            replies.iter().for_each(check);
            assert!(!garbled.0.contains(char::is_control) && garbled.0.len() < 512, "{garbled:?}");
        }
    }
});

/// Every reply in `parts`, up to the first that is none.
fn read(parts: &[&[u8]]) -> (Vec<Reply>, Option<ParseError>) {
    let mut parser = ReplyParser::default();
    let mut replies = Vec::new();
    for mut part in parts.iter().copied() {
        while !part.is_empty() {
            let (taken, result) = parser.feed(part);
            assert!(taken > 0 && taken <= part.len());
            part = &part[taken..];
            match result {
                Ok(reply) => replies.extend(reply),
                Err(garbled) => return (replies, Some(garbled)),
            }
        }
    }
    (replies, None)
}

/// `bytes` in parts as long as `splits` says, and the rest.
fn split<'a>(splits: &[u8], bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut parts = Vec::new();
    for length in splits {
        let (part, after) = rest.split_at(usize::from(*length).min(rest.len()));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

fn check(reply: &Reply) {
    assert!((200..600).contains(&reply.code));
    assert!(reply.text.len() <= LONGEST_TEXT && reply.lines().count() <= 256);
    let quoted = reply.quoted();
    assert!(!quoted.contains(char::is_control) && quoted.chars().count() <= LONGEST_QUOTE);
    assert!(reply.enhanced.is_none_or(|enhanced| u16::from(enhanced.class) == reply.code / 100));
}
