//! Made-up servers, as results show them.

use serde_json::{json, to_value};

use super::*;
use crate::address::Mailbox;
use crate::config::{Encryption, LoginConfig};
use crate::secret::Secret;

fn status(name: &str, availability: Availability, is_current: bool) -> ServerStatus {
    let is_available = availability == Availability::Available;
    ServerStatus {
        name: name.to_owned(),
        host: "mail.example.org".to_owned(),
        port: 587,
        priority: 0,
        is_current,
        is_failed: availability == Availability::BackOff,
        is_available,
        is_paused: availability == Availability::Paused,
        last_failure: None,
        backoff_remaining: 0.0,
    }
}

#[test]
fn logins_and_senders_are_masked() {
    let identity = Mailbox::parse("Ada <sender@example.org>").unwrap();
    let server = ServerConfig {
        port: 465,
        encryption: Encryption::Implicit,
        username: Some("ada@example.org".to_owned()),
        login: LoginConfig::with_password(Secret::new("hunter2".to_owned())),
        priority: 7,
        ..ServerConfig::new("mail.example.org".to_owned(), identity)
    };
    assert_eq!(
        to_value(ServerDetails::of(&server)).unwrap(),
        json!({
            "name": "primary", "host": "mail.example.org", "port": 465, "priority": 7,
            "username": "a***@example.org", "encryption": "SSL", "timeout": 30.0, "max_retries": 3,
            "from_email": "s***@example.org",
        })
    );
    let key = ServerConfig { username: Some("apikey".to_owned()), ..server };
    assert_eq!(to_value(ServerDetails::of(&key)).unwrap()["username"], "a***");
}

#[test]
fn health_counts_what_is_usable_and_what_is_in_back_off() {
    let status = ServersStatus::of(vec![
        status("a", Availability::BackOff, false),
        status("b", Availability::Available, true),
        status("c", Availability::Paused, false),
    ]);
    assert_eq!((status.total_servers, status.available_servers, status.failed_servers), (3, 1, 1));
    assert_eq!(status.current_server.as_deref(), Some("b"));
}

#[test]
fn the_readiness_follows_from_the_usable_servers() {
    use Availability::{Available, BackOff, Paused};
    for (servers, expected) in [
        (vec![Available, Available], "ready"),
        (vec![Available, BackOff], "degraded"),
        (vec![BackOff, Paused], "unavailable"),
        (vec![], "unavailable"),
    ] {
        let servers = servers.into_iter().map(|availability| status("a", availability, true)).collect();
        assert_eq!(ServersStatus::of(servers).readiness(), expected);
    }
}

#[test]
fn a_test_tells_each_server_by_itself() {
    let server = |name: &str| ServerTest {
        server: name.to_owned(),
        host: "h:25".to_owned(),
        priority: 1,
        success: false,
        message: None,
        error: None,
        tls_version: None,
        extensions: None,
    };
    let works = ServerTest { success: true, extensions: Some(vec!["SIZE 10".to_owned()]), ..server("a") };
    let fails = ServerTest { error: Some("no route".to_owned()), ..server("b") };
    let test = ConnectionTest::of(vec![works, fails]);
    assert_eq!(
        to_value(&test).unwrap(),
        json!({
            "total_servers": 2, "successful_servers": 1,
            "server_results": [
                { "server": "a", "host": "h:25", "priority": 1, "success": true, "extensions": ["SIZE 10"] },
                { "server": "b", "host": "h:25", "priority": 1, "success": false, "error": "no route" },
            ],
        })
    );
    assert_eq!(test.summary(), "1 of 2 servers work. b: no route");
}
