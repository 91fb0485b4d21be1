//! Made-up reloads.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::upstream::changes::{FieldChange, ModifiedServer};
use crate::upstream::report::ConnectionTest;

fn reloaded(from_environment_only: bool) -> Reloaded {
    let change = |(name, old, new): (&str, &str, &str)| {
        (name.to_owned(), FieldChange { old: old.to_owned(), new: new.to_owned() })
    };
    Reloaded {
        changes: Changes {
            total_changes: 2,
            servers_added: vec!["b".to_owned()],
            servers_modified: vec![ModifiedServer {
                name: "a".to_owned(),
                changes: [("port", "25", "587"), ("password", "changed", "changed")].map(change).into(),
            }],
            old_server_count: 1,
            new_server_count: 2,
            ..Changes::default()
        },
        connection_test: ConnectionTest::of(Vec::new()),
        config: Arc::new(Config { from_environment_only, ..Config::default() }),
    }
}

#[test]
fn changes_are_told_field_by_field() {
    let answer = applied(reloaded(false));
    assert!(answer.text.starts_with("Reloaded: 2 changes."), "{}", answer.text);
    let changes = &answer.body["changes"];
    assert_eq!(changes["total_changes"], 2);
    assert_eq!(
        changes["servers_modified"],
        json!([{ "name": "a", "changes": {
            "password": { "old": "changed", "new": "changed" },
            "port": { "old": "25", "new": "587" },
        }}])
    );
    assert_eq!(answer.body.get("step"), None);
}

#[test]
fn an_environment_that_cannot_change_is_called_so() {
    let answer = applied(reloaded(true));
    assert!(answer.text.contains("restart it"), "{}", answer.text);
}

#[test]
fn a_failed_reload_names_its_step_and_keeps_the_old_configuration() {
    let answer = refused(ReloadError {
        step: "validate",
        message: "SMTP_PORT: 0\nSMTP_HOST: missing".to_owned(),
        connection_test: None,
    });
    assert!(answer.is_error);
    assert_eq!(
        Value::Object(answer.body),
        json!({
            "success": false,
            "error": "Not reloaded, the old configuration stays in effect: SMTP_PORT: 0; SMTP_HOST: missing",
            "step": "validate",
            "rollback_performed": true,
        })
    );
}
