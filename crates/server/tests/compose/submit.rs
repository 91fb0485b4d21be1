//! Submitting: small and large requests become messages, or errors.

use std::sync::Arc;

use crate::fixture::{at, config};
use serde_json::{Value, json};
use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::message::Message;
use smtp_mcp_server::request::ValidationErrors;
use smtp_mcp_server::submit::{ComposeBudget, submit};

async fn submitted(arguments: Value) -> Result<Message, ValidationErrors> {
    let asked = serde_json::from_value(arguments).unwrap();
    let clock = Clock::manual(at().to_utc());
    let config = Arc::new(config(&["ada@example.org"]));
    submit(asked, config, &clock, &ComposeBudget::default())
        .await
        .map(|submission| submission.composed.message)
}

#[tokio::test]
async fn small_and_large_requests_become_messages() {
    for size in [10, 5 << 20] {
        let body = "x".repeat(size);
        let message = submitted(json!({ "to": "b@x.org", "subject": "s", "body": body })).await.unwrap();
        assert!(message.content.len() >= size);
        let header = String::from_utf8_lossy(&message.header_variants[0].header).into_owned();
        assert!(header.contains("\r\nDate: Sun, 22 Nov 2026 18:00:00 +0000\r\n"), "{header}");
        assert!(header.contains(&message.message_id));
    }
}

#[tokio::test]
async fn each_message_has_an_id_of_its_own() {
    let arguments = json!({ "to": "b@x.org", "subject": "s", "body": "b" });
    let one = submitted(arguments.clone()).await.unwrap();
    let two = submitted(arguments).await.unwrap();
    assert_ne!(one.message_id, two.message_id);
    assert_ne!(one.digest, two.digest);
}

#[tokio::test]
async fn a_refusal_tells_every_problem() {
    let refusal = submitted(json!({ "to": "b", "cc": "c", "subject": "s", "body": "b" })).await.unwrap_err();
    assert_eq!(refusal.errors().len(), 2);
    assert!(!refusal.to_string().contains('\n'));
}
