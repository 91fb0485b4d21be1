//! The table of results.

use std::time::Duration;

use serde_json::{Value, json};
use smtp_submission::Phase;

use super::*;
use crate::address::Address;
use crate::message::{Digest, HeaderVariant, MessageInfo};
use crate::outcome::ServerId;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn message(recipients: &[RecipientOutcome]) -> Message {
    let sender = address("me@example.org");
    Message {
        message_id: "<1@example.org>".to_owned(),
        recipients: recipients.iter().map(|recipient| recipient.address.clone()).collect(),
        sender_chosen: false,
        header_variants: vec![HeaderVariant { sender, header: bytes::Bytes::new() }],
        content: bytes::Bytes::new(),
        needs_smtputf8: false,
        digest: Digest([0; 32]),
        info: MessageInfo { content_type: ContentType::Plain, attachments: 2 },
    }
}

fn plain(who: &str, status: RecipientStatus, words: &str) -> RecipientOutcome {
    RecipientOutcome {
        address: address(who),
        status,
        phase: Phase::Rcpt,
        reason: words.to_owned(),
        code: None,
        enhanced_code: None,
        reply: None,
        server: Some(ServerId { name: "primary".to_owned(), host: "mail.example.org".to_owned() }),
    }
}

fn replied(who: &str, status: RecipientStatus, words: &str) -> RecipientOutcome {
    RecipientOutcome {
        code: Some(550),
        enhanced_code: Some("5.1.1".to_owned()),
        reply: Some("no \"such\" user".to_owned()),
        ..plain(who, status, words)
    }
}

fn end(recipients: Vec<RecipientOutcome>) -> ToolResult {
    let message = message(&recipients);
    let outcome = Outcome { recipients, duration: Duration::from_micros(1_234_567) };
    send_result(&message, &outcome)
}

fn ada() -> RecipientOutcome {
    plain("ada@a.org", RecipientStatus::Accepted, "")
}

/// state, success, isError, how the text begins, what it contains
type Row = (Vec<RecipientOutcome>, &'static str, bool, &'static str, &'static str);

fn bob(status: RecipientStatus, words: &str) -> RecipientOutcome {
    replied("bob@b.org", status, words)
}

fn eve(status: RecipientStatus, words: &str) -> RecipientOutcome {
    plain("eve@e.org", status, words)
}

/// Sent and partial.
fn somebody_has_it() -> Vec<Row> {
    vec![
        (vec![ada()], "sent", true, "Sent to ada@a.org.", ""),
        (
            vec![ada(), bob(RecipientStatus::Rejected, "primary, RCPT TO: refused.")],
            "partial",
            true,
            "Sent to 1 of 2: ada@a.org. Not sent to bob@b.org (primary, RCPT TO: refused; the server said: \"550 5.1.1 no 'such' user\").",
            "send only to the others",
        ),
        (
            vec![ada(), eve(RecipientStatus::Deferred, "busy")],
            "partial",
            true,
            "Sent to 1 of 2: ada@a.org. Not sent to eve@e.org (busy; nothing is kept, try again later).",
            "",
        ),
    ]
}

/// Unknown.
fn somebody_may_have_it() -> Vec<Row> {
    vec![
        (
            vec![eve(RecipientStatus::Unknown, "no answer")],
            "unknown",
            false,
            "May have been sent: eve@e.org (no answer).",
            "Do not send it again",
        ),
        (
            vec![
                ada(),
                eve(RecipientStatus::Unknown, "no answer"),
                bob(RecipientStatus::Rejected, "refused"),
            ],
            "unknown",
            false,
            "May have been sent: eve@e.org (no answer). Certainly sent to ada@a.org. Not sent to bob@b.org (refused;",
            "Do not send it again",
        ),
    ]
}

/// Refused.
fn nobody_has_it() -> Vec<Row> {
    vec![
        (vec![eve(RecipientStatus::Rejected, "over quota")], "refused", false, "Not sent: over quota.", ""),
        (
            vec![eve(RecipientStatus::Deferred, "primary: the connection failed. Check SMTP_HOST.")],
            "refused",
            false,
            "Not sent: primary: the connection failed. Check SMTP_HOST; nothing is kept, try again later.",
            "",
        ),
        (
            vec![bob(RecipientStatus::Rejected, "refused"), eve(RecipientStatus::Deferred, "busy")],
            "refused",
            false,
            "Not sent: bob@b.org (refused; the server said: \"550 5.1.1 no 'such' user\"); eve@e.org (busy; nothing is kept, try again later).",
            "",
        ),
        (
            vec![eve(RecipientStatus::Rejected, "")],
            "refused",
            false,
            "Not sent: the server gave no reason.",
            "",
        ),
        (vec![], "refused", false, "Not sent: no server was tried; nothing is kept", ""),
    ]
}

#[test]
fn every_end_has_its_state_its_marks_and_its_words() {
    let table = [somebody_has_it(), somebody_may_have_it(), nobody_has_it()].concat();
    for (recipients, state, success, begins, has) in table {
        let answer = end(recipients);
        let text = &answer.text;
        assert_eq!(answer.body["state"], state, "{text}");
        assert_eq!(answer.body["success"], success, "{text}");
        assert_eq!(answer.is_error, !success, "{text}");
        assert!(text.starts_with(begins), "{text}\ndoes not begin with\n{begins}");
        assert!(text.contains(has), "{text}");
        assert!(!text.contains('\n'), "{text}");
        assert_eq!(answer.body.get("error").is_some(), !success, "{text}");
    }
}

#[test]
fn the_json_has_every_key_and_every_recipient_once() {
    let answer = end(vec![
        ada(),
        replied("bob@b.org", RecipientStatus::Rejected, "refused"),
        plain("eve@e.org", RecipientStatus::Unknown, "no answer"),
    ]);
    let mut body = Value::Object(answer.body);
    assert!(body["error"].take().as_str().is_some());
    assert_eq!(
        body,
        json!({
            "success": false,
            "error": null,
            "state": "unknown",
            "message_id": "<1@example.org>",
            "accepted": ["ada@a.org"],
            "rejected": [{
                "address": "bob@b.org",
                "code": 550,
                "enhanced_code": "5.1.1",
                "reply": "no \"such\" user",
                "reason": "refused; the server said: \"550 5.1.1 no 'such' user\"",
            }],
            "pending": [],
            "unknown": ["eve@e.org"],
            "details": {
                "recipients": 3,
                "attachments": 2,
                "duration_seconds": 1.235,
                "content_type": "text/plain",
                "smtp_server": "primary",
                "server_host": "mail.example.org",
            },
        })
    );
}

#[test]
fn a_reply_that_the_words_quote_is_not_quoted_twice() {
    let mut bob = replied("bob@b.org", RecipientStatus::Rejected, "the server said: \"550 5.1.1 gone\"");
    bob.reply = Some("gone".to_owned());
    assert_eq!(end(vec![bob]).text, "Not sent: the server said: \"550 5.1.1 gone\".");
    let bob =
        replied("bob@b.org", RecipientStatus::Rejected, "the server said: \"550 5.1.1 no 'such' user\"");
    assert_eq!(end(vec![bob]).text, "Not sent: the server said: \"550 5.1.1 no 'such' user\".");
}

#[test]
fn a_hundred_recipients_with_one_reason_make_a_short_text() {
    let many = (0..100)
        .map(|n| plain(&format!("r{n}@example.org"), RecipientStatus::Rejected, "refused"))
        .chain([ada()]);
    let answer = end(many.collect());
    assert!(answer.text.len() < 500, "{}", answer.text);
    assert!(answer.text.contains("and 90 more (refused)"), "{}", answer.text);
    assert_eq!(answer.body["rejected"].as_array().map(Vec::len), Some(100));
}

#[test]
fn what_never_became_a_message_is_refused_and_what_got_lost_is_unknown() {
    let answer = refused("subject: empty");
    assert_eq!(answer.text, "Not sent: subject: empty");
    assert_eq!(answer.body["state"], "refused");
    let answer = unknown("an error");
    assert!(answer.text.starts_with("May have been sent: an error. Do not"));
    assert_eq!(answer.body["state"], "unknown");
    assert!(answer.is_error);
}
