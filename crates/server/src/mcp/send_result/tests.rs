//! The table of results.

use serde_json::{Value, json};
use smtp_submission::Phase;

use super::*;
use crate::address::Address;
use crate::message::{ContentType, MessageInfo};
use crate::outbox::Principal;
use crate::outcome::ServerId;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn email(state: State, recipients: Vec<RecipientOutcome>) -> Email {
    let created = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let ended = state.is_final().then_some(created);
    Email {
        id: Uuid::from_u128(7),
        state,
        principal: Principal::Local,
        created,
        due: created + chrono::TimeDelta::seconds(30),
        expires: created + chrono::TimeDelta::hours(48),
        ended,
        message_id: "<1@example.org>".to_owned(),
        sender: "me@example.org".to_owned(),
        subject: "s".to_owned(),
        size: 1,
        info: MessageInfo { content_type: ContentType::Plain, attachments: 2 },
        request: crate::message::Digest::default(),
        approval: None,
        paused_since: None,
        attempts: 1,
        recipients,
        has_content: true,
        is_unserved: false,
        sending_by: None,
        send_at: None,
        all_or_nothing: false,
        is_stopping: false,
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
        is_withdrawn: false,
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

fn sent(recipients: Vec<RecipientOutcome>) -> Sent {
    let email = email(State::of(recipients.iter().map(|one| one.status)), recipients);
    Sent {
        now: email.created,
        offset: None,
        email,
        may_have_been_sent: false,
        duration: Duration::from_micros(1_234_567),
        is_repeated: false,
        hints: Vec::new(),
        is_kept: true,
    }
}

fn end(recipients: Vec<RecipientOutcome>) -> ToolResult {
    send_result(&sent(recipients))
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
            vec![bob(RecipientStatus::Rejected, "refused"), eve(RecipientStatus::Rejected, "busy")],
            "refused",
            false,
            "Not sent: bob@b.org (refused; the server said: \"550 5.1.1 no 'such' user\"); eve@e.org (busy).",
            "",
        ),
        (
            vec![eve(RecipientStatus::Rejected, "")],
            "refused",
            false,
            "Not sent: the server gave no reason.",
            "",
        ),
    ]
}

/// Queued.
fn somebody_gets_it_later() -> Vec<Row> {
    vec![
        (
            vec![eve(RecipientStatus::Deferred, "primary: the connection failed. Check SMTP_HOST.")],
            "queued",
            true,
            "Not sent yet to eve@e.org (primary: the connection failed. Check SMTP_HOST): it is kept, and it is tried again at \
             2027-01-15T08:00:30Z, until 2027-01-17T08:00:00Z; do not send it again.",
            "get_email with id 00000000000000000000000000000007",
        ),
        (
            vec![
                ada(),
                eve(RecipientStatus::Deferred, ""),
                bob(RecipientStatus::Rejected, "refused"),
                plain("carl@c.org", RecipientStatus::Unknown, "no answer"),
            ],
            "queued",
            true,
            "Not sent yet to eve@e.org: ",
            "Already sent to ada@a.org. May have been sent to carl@c.org (no answer). Do not send it again unless the user says so. Refused for bob@b.org (refused;",
        ),
    ]
}

#[test]
fn what_is_being_sent_is_not_called_sent_or_lost() {
    let being_sent = |may_have_been_sent| {
        let recipients = vec![ada(), eve(RecipientStatus::Deferred, "busy before")];
        let mut sent = sent(recipients);
        sent.email.state = State::Sending;
        sent.may_have_been_sent = may_have_been_sent;
        send_result(&sent)
    };
    let answer = being_sent(false);
    assert_eq!((&answer.body["state"], &answer.body["pending"]), (&json!("queued"), &json!(["eve@e.org"])));
    assert!(answer.text.contains("it is being sent; do not send it again"), "{}", answer.text);
    let answer = being_sent(true);
    assert_eq!((&answer.body["state"], &answer.body["unknown"]), (&json!("unknown"), &json!(["eve@e.org"])));
    assert!(answer.text.starts_with("May have been sent: eve@e.org (still waiting"), "{}", answer.text);
    assert!(
        answer.text.contains("Certainly sent to ada@a.org") && answer.text.contains("get_email"),
        "{}",
        answer.text
    );
}

#[test]
fn what_is_in_memory_only_is_not_called_kept() {
    let mut sent = sent(vec![eve(RecipientStatus::Deferred, "busy")]);
    sent.is_kept = false;
    let text = send_result(&sent).text;
    assert!(!text.contains("kept") && text.contains("as long as this program runs"), "{text}");
}

#[test]
fn a_repeated_call_says_that_nothing_was_sent_again() {
    let mut sent = sent(vec![ada()]);
    sent.is_repeated = true;
    let text = send_result(&sent).text;
    assert!(text.starts_with("Sent to ada@a.org. This is the result of an earlier call"), "{text}");
}

#[test]
fn every_end_has_its_state_its_marks_and_its_words() {
    let table =
        [somebody_has_it(), somebody_may_have_it(), somebody_gets_it_later(), nobody_has_it()].concat();
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
            "id": "00000000000000000000000000000007",
            "next_attempt_at": null,
            "expires_at": null,
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
                "sender": "me@example.org",
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
