//! Any answer to EHLO: the list stays bounded and safe to show, and what it offers is what a line of it says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_submission::reply::ReplyParser;
use smtp_submission::{Extensions, Reply};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes).into_owned();
    check(&Reply { code: 250, enhanced: None, text });
    let (_, parsed) = ReplyParser::default().feed(bytes);
    if let Ok(Some(reply)) = parsed {
        check(&reply);
    }
});

fn check(reply: &Reply) {
    let offers = Extensions::read(reply);
    assert!(offers.keywords.len() <= 64);
    let shown = offers.keywords.iter().chain(&offers.mechanisms);
    for word in shown {
        assert!(!word.contains(char::is_control) && word.chars().count() <= 121, "{word:?}");
    }
    assert!(offers.mechanisms.iter().all(|mechanism| !mechanism.contains(' ')));
    let named = |keyword: &str| {
        let has = |line: &str| line.trim().to_ascii_uppercase().starts_with(keyword);
        reply.lines().skip(1).any(has)
    };
    assert!(!offers.pipelining || named("PIPELINING"));
    assert!(!offers.starttls || named("STARTTLS"));
    assert!(!offers.smtputf8 || named("SMTPUTF8"));
    assert!(!offers.eight_bit_mime || named("8BITMIME"));
    assert!(offers.size || offers.size_limit.is_none());
    assert!(!offers.size || named("SIZE"));
    assert!(offers.mechanisms.is_empty() || named("AUTH"));
    assert_ne!(offers.size_limit, Some(0));
}
