//! The digest of a request: the same for the same request, another for any other.

use std::collections::HashSet;

use chrono::TimeDelta;
use serde_json::{Value, json};
use smtp_mcp_server::compose::compose;
use smtp_mcp_server::message::Digest;
use smtp_mcp_server::request::Draft;
use uuid::Uuid;

use super::fixture::{at, config};

fn digest(more: &Value, seconds: i64) -> Digest {
    let mut asked = json!({ "to": "a@x.org", "subject": "s", "body": "b" });
    asked.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let config = config(&["me@x.org"]);
    let draft = Draft::parse(serde_json::from_value(asked).unwrap(), &config.limits).unwrap();
    compose(&draft, &config, at() + TimeDelta::seconds(seconds), Uuid::new_v4()).unwrap().request
}

#[test]
fn the_same_request_has_the_same_digest_whenever_it_is_made() {
    let plain = digest(&json!({}), 0);
    for same in [
        json!({}),
        json!({ "idempotency_key": "k", "wait_seconds": 5, "allow_duplicate": true }),
        json!({ "to": ["a@x.org"], "cc": [], "html": false }),
        json!({ "subject": "{s}", "template_vars": { "s": "s" } }),
    ] {
        assert_eq!(digest(&same, 1), plain, "{same}");
    }
}

#[test]
fn another_request_has_another_digest() {
    let file = |name: &str, content: &str| json!({ "filename": name, "content": content });
    let others = [
        json!({}),
        json!({ "to": "b@x.org" }),
        json!({ "to": "A <a@x.org>" }),
        json!({ "to": "a@x.org, b@x.org" }),
        json!({ "cc": "b@x.org" }),
        json!({ "bcc": "b@x.org" }),
        json!({ "reply_to": "b@x.org" }),
        json!({ "subject": "sb", "body": "" }),
        json!({ "body": "c" }),
        json!({ "html": true }),
        json!({ "html": true, "text": "b" }),
        json!({ "from_email": "me@x.org" }),
        json!({ "in_reply_to": "1@x.org" }),
        json!({ "references": "1@x.org" }),
        json!({ "references": "1@x.org 2@x.org" }),
        json!({ "attachments": [file("f", "YQ==")] }),
        json!({ "attachments": [file("g", "YQ==")] }),
        json!({ "attachments": [file("f", "Yg==")] }),
        json!({ "attachments": [file("f", "YQ=="), file("f", "YQ==")] }),
        json!({ "attachments": [{ "filename": "f", "content": "YQ==", "mime_type": "image/png" }] }),
        json!({ "attachments": [{ "filename": "f", "content": "YQ==", "content_id": "1@x" }] }),
    ];
    let digests: HashSet<_> = others.iter().map(|other| digest(other, 0)).collect();
    assert_eq!(digests.len(), others.len());
}
