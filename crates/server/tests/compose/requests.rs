//! Requests: what is accepted, what is refused with which message, all errors at once.

use crate::fixture::{ID, at, bytes, config, made, make};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use smtp_mcp_server::compose::compose as compose_draft;
use smtp_mcp_server::config::Config;
use smtp_mcp_server::limits::CallLimits;
use smtp_mcp_server::request::{Draft, SendEmailArgs, ValidationCode, ValidationErrors};

pub(crate) const ADA: &[&str] = &["Ada <ada@example.org>"];

pub(crate) fn parse(arguments: Value) -> Result<Draft, String> {
    let asked: SendEmailArgs = serde_json::from_value(arguments).map_err(|error| error.to_string())?;
    Draft::parse(asked, &CallLimits::default()).map_err(|refusal| lines(&refusal))
}

fn lines(errors: &ValidationErrors) -> String {
    errors.errors().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

pub(crate) fn with(extra: Value) -> Value {
    let mut arguments = json!({ "to": "b@x.org", "subject": "s", "body": "b" });
    let Value::Object(extra) = extra else { panic!("not an object") };
    arguments.as_object_mut().unwrap().extend(extra);
    arguments
}

/// Everything that is wrong with the arguments, as one text.
pub(crate) fn refused(config: &Config, arguments: Value) -> String {
    let message = make(config, arguments);
    lines(&message.expect_err("was composed"))
}

#[test]
fn an_empty_field_of_an_attachment_is_not_given() {
    let file = json!({ "content": "AAEC", "filename": "a", "path": "", "mime_type": null, "content_id": "" });
    parse(with(json!({ "attachments": [file] }))).unwrap();
    parse(with(json!({ "cc": [], "attachments": [], "template_vars": {}, "references": [] }))).unwrap();
}

#[test]
fn shapes_that_do_not_fit_are_refused_with_words() {
    let table = [
        (json!({ "to": 5 }), "a string or an array of strings"),
        (json!({ "html": "yes" }), "expected a boolean"),
        (json!({ "colour": "red" }), "unknown field `colour`"),
        (json!({ "attachments": [{ "name": "x" }] }), "unknown field `name`"),
        (json!({ "attachments": { "content": "" } }), "expected a sequence"),
        (json!({ "template_vars": [1] }), "expected a map"),
        (json!({ "template_vars": { "a": [1] } }), "must be a string, a number or a boolean"),
        (json!({ "subject": null }), "expected a string"),
    ];
    for (extra, words) in table {
        let problem = parse(with(extra.clone())).unwrap_err();
        assert!(problem.contains(words), "{extra}: {problem}");
    }
    assert!(parse(json!({ "to": "b@x.org", "body": "b" })).unwrap_err().contains("missing field `subject`"));
}

#[test]
fn each_problem_has_a_field_and_a_code() {
    use ValidationCode::{Conflict, Invalid, Missing, NotAllowed, TooLarge, TooMany};
    for (extra, field, code) in [
        (json!({ "to": "x" }), "to", Invalid),
        (json!({ "to": [] }), "to", Missing),
        (
            json!({ "to": (0..101).map(|n| format!("a{n}@x.org")).collect::<Vec<_>>() }),
            "to, cc, bcc",
            TooMany,
        ),
        (json!({ "subject": "" }), "subject", Missing),
        (json!({ "subject": "x".repeat(999) }), "subject", TooLarge),
        (json!({ "subject": "{a}", "template_vars": { "a": "\n" } }), "subject", Invalid),
        (json!({ "subject": "{a}", "template_vars": { "b": 1 } }), "template_vars", Missing),
        (json!({ "text": "t" }), "text", Conflict),
        (json!({ "from_email": "eve@evil.example" }), "from_email", NotAllowed),
        (json!({ "attachments": [{}] }), "attachments[0].content", Missing),
        (json!({ "attachments": [{ "path": "a", "content": "AA==" }] }), "attachments[0].content", Conflict),
        (json!({ "attachments": [{ "content": "!", "filename": "f" }] }), "attachments[0].content", Invalid),
        (json!({ "attachments": [{ "content": "AA==" }] }), "attachments[0].filename", Missing),
        (json!({ "attachments": [{ "path": "f" }] }), "attachments[0].path", NotAllowed),
    ] {
        let refusal = make(&config(ADA), with(extra.clone())).unwrap_err();
        let found: Vec<_> = refusal.errors().iter().map(|one| (one.field.as_str(), one.code)).collect();
        assert!(found.contains(&(field, code)), "{extra}: {found:?}");
    }
}

#[test]
fn every_problem_comes_at_once() {
    let problems = parse(json!({
        "to": "a@x.org, b@@y.org", "cc": ["c"], "bcc": "d;e", "reply_to": "f@", "from_email": "g", "subject": " ", "body": "b",
        "in_reply_to": "no id", "references": "<a b> c", "text": "t",
        "attachments": [{ "content": "!", "filename": "../x" }, { "content": "" }, {}, { "path": "a", "content": "AA==" }],
    }))
    .unwrap_err();
    let named = [
        "to: \"b@@y.org\"",
        "cc: \"c\"",
        "bcc: \"d;e\"",
        "reply_to: \"f@\"",
        "from_email: \"g\"",
        "subject: ",
        "in_reply_to: \"no id\"",
        "references: \"<a b>\"",
        "text: ",
        "attachments[0].content",
        "attachments[0].filename",
        "attachments[1].filename",
        "attachments[2].content",
        "attachments[3].content",
    ];
    for name in named {
        assert!(problems.contains(name), "{name}: {problems}");
    }
    assert!(
        parse(json!({ "to": [], "subject": "s", "body": "" }))
            .unwrap_err()
            .contains("at least one recipient")
    );
    assert!(
        parse(json!({ "to": "", "subject": "s", "body": "" }))
            .unwrap_err()
            .contains("at least one recipient")
    );
}

#[test]
fn limits_hold() {
    let many: Vec<String> = (0..101).map(|n| format!("r{n}@x.org")).collect();
    assert!(parse(with(json!({ "bcc": many[..99] }))).is_ok());
    assert!(parse(with(json!({ "bcc": many }))).unwrap_err().contains("102 recipients"));
    assert!(parse(with(json!({ "subject": "ü".repeat(998) }))).is_ok());
    assert!(parse(with(json!({ "subject": "ü".repeat(999) }))).unwrap_err().contains("998 characters"));
    assert!(parse(with(json!({ "body": "x".repeat((10 << 20) + 1) }))).unwrap_err().contains("body: larger"));
    let large = "A".repeat((25 << 20) / 3 * 4 + 8);
    assert!(
        parse(with(json!({ "attachments": [{ "content": large, "filename": "a" }] })))
            .unwrap_err()
            .contains("25 MiB")
    );
    let third = json!({ "content": "A".repeat(17 * (1 << 20) / 3 * 4), "filename": "a" });
    assert!(parse(with(json!({ "attachments": [third, third, third] }))).unwrap_err().contains("in total"));
    // a template may be longer than its result, and its result may be too long
    let vars = json!({ "a": "x".repeat(999), "b": "line\r\nBcc: z@z.org", "none": "" });
    let filled =
        |subject: &str| refused(&config(ADA), with(json!({ "subject": subject, "template_vars": vars })));
    assert!(filled("{a}").contains("998 characters"));
    assert!(filled("{b}").contains("U+000D"));
    assert!(filled("{none}").contains("empty after"));
    assert!(filled("{gone} {also}").contains("missing: also, gone"));
    assert!(filled("{?a}").contains("subject: line 1, column 1"));
}

#[test]
fn a_refusal_has_an_end_however_much_is_wrong() {
    let bad: Vec<String> = (0..50_000).map(|n| format!("bad{n}")).collect();
    let names: String = (0..50_000).map(|n| format!("{{name{n}}}")).collect();
    let one_name = format!("{{{}}}", "n".repeat(1 << 20));
    let vars = json!({ "a": "b" });
    let table = [
        (json!({ "to": bad }), "to: \"bad49\""),
        (json!({ "to": bad.join(",") }), "to: \"bad49\""),
        (json!({ "cc": vec!["a@x.org"; 200_000] }), "cc: a list larger than 1 MiB"),
        (json!({ "bcc": "a@x.org,".repeat(200_000) }), "bcc: a list larger than 1 MiB"),
        (json!({ "references": "a@x ".repeat(300_000) }), "references: a list larger than 1 MiB"),
        (json!({ "body": names, "template_vars": vars }), "and 49950 more"),
        (json!({ "body": one_name, "template_vars": vars }), "missing: \"nnn"),
    ];
    for (arguments, words) in table {
        let error = refused(&config(ADA), with(arguments));
        assert!(error.contains(words) && error.len() < 10_000, "{} bytes: {}", error.len(), &error[..200]);
    }
}

#[test]
fn a_chosen_sender_must_be_allowed() {
    let two = config(&["Ada <ada@one.org>", "bob@two.org"]);
    let message = make(&two, with(json!({ "from_email": "bob@TWO.org" }))).unwrap();
    assert!(message.sender_chosen);
    assert_eq!(message.header_variants.len(), 1);
    assert!(message.message_id.ends_with("@two.org>"));
    let from = |from: &str| {
        let message = make(&two, with(json!({ "from_email": from }))).unwrap();
        let header = String::from_utf8_lossy(&message.header_variants[0].header).into_owned();
        header.lines().find_map(|line| line.strip_prefix("From: ")).unwrap().to_owned()
    };
    assert_eq!(from("ada@one.org"), "Ada <ada@one.org>");
    assert_eq!(from("Countess <ada@one.org>"), "Countess <ada@one.org>");
    assert_eq!(from("any@allowed.example"), "any@allowed.example");
    let words = refused(&two, with(json!({ "from_email": "Ada@one.org" })));
    assert!(words.contains("allowed: ada@one.org, *@allowed.example, bob@two.org"), "{words}");
    assert!(make(&config(&[]), with(json!({}))).is_err());
}

#[test]
fn templates_fill_subject_body_and_text() {
    let arguments = with(json!({
        "subject": "Hi {name}", "body": "<p style=\"a{b}\">{name}{?gone} {gone}{/gone}</p>", "text": "T {name}", "html": true,
        "template_vars": { "name": "A & B", "b": 1 },
    }));
    let message = made(arguments);
    let raw = String::from_utf8(bytes(&message, &message.header_variants[0])).unwrap();
    assert!(raw.contains("\r\nSubject: Hi A & B\r\n"));
    assert!(raw.contains("T A & B"));
    assert!(raw.contains("<p style=\"a1\">A &amp; B</p>"));
    let untouched = made(with(json!({ "body": "{name} {?x}", "template_vars": {} })));
    assert!(String::from_utf8_lossy(&untouched.content).contains("{name} {?x}"));
    assert!(
        refused(&config(ADA), with(json!({ "template_vars": { "a-b": 1 } }))).contains("is not a valid name")
    );
}

/// A server goes by its address: two with the same one, under two names, need one header block.
#[test]
fn one_address_is_one_sender_whatever_its_names() {
    let two = config(&["Ada <ada@one.org>", "Countess <ada@ONE.org>"]);
    let message = make(&two, with(json!({}))).unwrap();
    assert_eq!(message.header_variants.len(), 1);
    for server in &two.servers {
        assert!(message.header_variant_for(&server.identity.address).is_some());
    }
}

#[test]
fn the_digest_covers_everything() {
    let base = made(with(json!({})));
    assert_eq!(base.digest, made(with(json!({}))).digest);
    for other in [
        json!({ "bcc": "z@x.org" }),
        json!({ "subject": "t" }),
        json!({ "body": "c" }),
        json!({ "to": "c@x.org" }),
    ] {
        assert_ne!(base.digest, made(with(other)).digest);
    }
}

#[test]
fn html_of_any_depth_is_sent() {
    let deep = "<div>".repeat(100_000) + "deep";
    made(with(json!({ "html": true, "body": deep })));
    made(with(json!({ "html": true, "body": deep, "text": "deep" })));
    let flat = "<p>one<br><b>two</b><img src=x><li>three".repeat(1000);
    let deepest = "<div>".repeat(250);
    for html in [flat, deepest, "1 < 2 <3 << <>".to_owned()] {
        made(with(json!({ "html": true, "body": html })));
    }
}

#[test]
fn a_text_part_is_made_from_html() {
    let html = "<html><head><style>p { color: red }</style></head><body><h1>Hi</h1><p>see <a href=\"https://x.org/a\">this</a> &amp; that</p><script>x()</script></body></html>";
    let message = made(with(json!({ "html": true, "body": html })));
    let content = String::from_utf8(message.content.to_vec()).unwrap();
    let text = content.split("--=_").nth(1).unwrap();
    assert!(text.contains("this") && text.contains("& that") && text.contains("https://x.org/a"), "{text}");
    assert!(!text.contains("color") && !text.contains("x()"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_same_request_gives_the_same_bytes(subject in "[ -~ü日]{1,120}", body in any::<String>(), html in any::<bool>(), file in any::<Vec<u8>>()) {
        let arguments = with(json!({ "subject": subject, "body": body, "html": html, "attachments": [{ "filename": "f", "content": STANDARD.encode(&file) }] }));
        let Ok(draft) = parse(arguments) else { return Ok(()) };
        let config = config(ADA);
        let one = compose_draft(&draft, &config, at(), ID).unwrap();
        let two = compose_draft(&draft, &config, at(), ID).unwrap();
        prop_assert_eq!(&one.message.content, &two.message.content);
        prop_assert_eq!(&one.message.header_variants[0].header, &two.message.header_variants[0].header);
        prop_assert_eq!(one.message.digest, two.message.digest);
    }

    /// For any arguments, the message has exactly the requested fields and recipients.
    #[test]
    fn no_argument_adds_a_field_or_a_recipient(
        name in "[ -~\r\n\0ü\u{202E}]{0,30}", subject in "([ -~\r\nü]|=\\?utf-8\\?q\\?=0D=0ABcc:x\\?=){0,60}", body in "[ -~\r\nü\0]{0,300}",
        filename in "[ -~ü\r\n]{1,40}", value in "[ -~\r\n]{0,40}",
    ) {
        let to = format!("\"{name}\" <b@x.org>");
        let file = json!({ "filename": filename, "content": "AAEC" });
        let arguments = json!({ "to": to, "subject": format!("{subject}{{v}}"), "body": body, "attachments": [file], "template_vars": { "v": value } });
        let Ok(message) = make(&config(ADA), arguments) else { return Ok(()) };
        let recipients: Vec<String> = message.recipients.iter().map(ToString::to_string).collect();
        prop_assert_eq!(recipients, vec!["b@x.org"]);
        let raw = bytes(&message, &message.header_variants[0]);
        prop_assert!(raw.is_ascii() && !raw.contains(&0));
        let parsed = mail_parser::MessageParser::default().parse(&raw).unwrap();
        let fields: Vec<&str> = parsed.headers().iter().map(mail_parser::Header::name).collect();
        prop_assert_eq!(fields, vec!["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "X-Mailer", "Content-Type"]);
        prop_assert_eq!(parsed.to().unwrap().iter().count(), 1);
        prop_assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("b@x.org"));
        prop_assert_eq!(parsed.attachment_count(), 1);
    }
}

/// Parsed by mail-parser: Python 3.11 keeps the space between two encoded words of a name, which RFC 2047 removes.
#[test]
fn names_longer_than_an_encoded_word_arrive_exactly() {
    let ascii = "Dr. Ada Augusta Byron King, Countess of Lovelace and Very Many Other Places Besides";
    for name in [ascii, &"Ж".repeat(90), "山田 太郎 ".repeat(9).trim_end()] {
        let message = made(with(json!({ "to": format!("\"{name}\" <b@x.org>") })));
        let raw = bytes(&message, &message.header_variants[0]);
        let parsed = mail_parser::MessageParser::default().parse(&raw).unwrap();
        assert_eq!(parsed.to().unwrap().first().unwrap().name(), Some(name));
        assert!(raw.split(|b| *b == b'\n').all(|line| line.len() <= 80));
    }
}
