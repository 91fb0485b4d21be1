//! Made-up servers, as results show them.

use std::time::Duration;

use serde_json::{json, to_value};

use super::*;
use crate::address::{Address, Mailbox};
use crate::config::Encryption;
use crate::secret::Secret;

fn status(name: &str, availability: Availability, is_current: bool) -> ServerStatus {
    let failed = availability != Availability::Available;
    let time = chrono::DateTime::parse_from_rfc3339("2026-11-22T10:00:00+01:00").unwrap();
    ServerStatus {
        name: name.to_owned(),
        host: "mail.example.org".to_owned(),
        port: 587,
        priority: 0,
        is_current,
        availability,
        last_failure: failed.then_some(time),
        backoff_remaining: failed.then_some(Duration::from_millis(4999)),
    }
}

#[test]
fn logins_and_senders_are_masked() {
    let server = ServerConfig {
        name: "primary".to_owned(),
        host: "mail.example.org".to_owned(),
        port: 465,
        encryption: Encryption::Implicit,
        username: Some("ada@example.org".to_owned()),
        password: Some(Secret::new("hunter2".to_owned())),
        ca: None,
        timeout: Duration::from_secs(30),
        max_retries: 3,
        identity: Mailbox {
            name: Some("Ada".to_owned()),
            address: Address::parse("sender@example.org").unwrap(),
        },
        allowed_from: Vec::new(),
        priority: 7,
        allow_plaintext_auth: false,
        ehlo_name: None,
    };
    assert_eq!(
        to_value(ServerConfigView::of(&server)).unwrap(),
        json!({
            "name": "primary", "host": "mail.example.org", "port": 465, "priority": 7,
            "username": "a***@example.org", "encryption": "SSL", "timeout": 30.0, "max_retries": 3,
            "from_email": "s***@example.org",
        })
    );
    let key = ServerConfig { username: Some("apikey".to_owned()), ..server };
    assert_eq!(to_value(ServerConfigView::of(&key)).unwrap()["username"], "a***");
}

#[test]
fn health_counts_what_is_usable_and_what_is_in_back_off() {
    let status = ServersStatus {
        servers: vec![
            status("a", Availability::BackOff, false),
            status("b", Availability::Available, true),
            status("c", Availability::Paused, false),
        ],
    };
    let health = to_value(ServersView::of(&status)).unwrap();
    assert_eq!(health["total_servers"], 3);
    assert_eq!(health["available_servers"], 1);
    assert_eq!(health["failed_servers"], 1);
    assert_eq!(health["current_server"], "b");
    assert_eq!(
        health["servers"][0],
        json!({
            "name": "a", "host": "mail.example.org", "port": 587, "priority": 0, "is_current": false,
            "is_failed": true, "is_available": false, "is_paused": false,
            "last_failure": "2026-11-22T10:00:00+01:00", "backoff_remaining": 4.999,
        })
    );
    assert_eq!(health["servers"][1]["last_failure"], json!(null));
    assert_eq!(health["servers"][2]["is_paused"], true);
}

#[test]
fn a_test_tells_each_server_by_itself() {
    let server = |name: &str, result| ServerTest {
        name: name.to_owned(),
        address: "h:25".to_owned(),
        priority: 1,
        result,
    };
    let connected = Connected {
        tls_version: Some("TLSv1.3".to_owned()),
        extensions: vec!["SIZE 10".to_owned()],
        logged_in: true,
    };
    let test =
        ConnectionTest { servers: vec![server("a", Ok(connected)), server("b", Err("no route".to_owned()))] };
    assert_eq!(
        to_value(ConnectionTestView::of(&test)).unwrap(),
        json!({
            "total_servers": 2, "successful_servers": 1,
            "server_results": [
                { "server": "a", "host": "h:25", "priority": 1, "success": true,
                  "message": "connected, TLSv1.3, logged in", "tls_version": "TLSv1.3", "extensions": ["SIZE 10"] },
                { "server": "b", "host": "h:25", "priority": 1, "success": false, "error": "no route" },
            ],
        })
    );
    assert_eq!(test_words(&test), "1 of 2 servers work. b: no route");
}
