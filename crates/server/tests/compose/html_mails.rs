//! The text part of newsletters and transactional mails that others send.

use serde_json::json;

use crate::fixture::{bytes, made};

/// Ten of the mails in `html_mails`.
const SHOWN: &[&str] = &[
    "foundation-marketing",
    "foundation-newsletter",
    "foundation-order",
    "foundation-sidebar-hero",
    "ghost-members-signin",
    "ghost-newsletter",
    "ghost-staff-donation",
    "mailgen-cerberus-receipt",
    "mailgen-default-receipt",
    "mailgen-salted-reset",
];

#[test]
fn newsletters_and_transactional_mails_become_text() {
    for name in SHOWN {
        let path = format!("{}/tests/compose/html_mails/{name}.html", env!("CARGO_MANIFEST_DIR"));
        let html = std::fs::read_to_string(path).unwrap();
        let message = made(json!({ "to": "b@x.org", "subject": "s", "body": html, "html": true }));
        let raw = bytes(&message, &message.header_variants[0]);
        let parsed = mail_parser::MessageParser::default().parse(&raw).unwrap();
        let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(*name, text);
        });
    }
}
