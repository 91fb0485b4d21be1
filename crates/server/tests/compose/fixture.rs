//! What the tests of composing share: a configuration, and composing from arguments.

use chrono::{DateTime, FixedOffset};
use serde_json::Value;
use smtp_mcp_server::compose::compose;
use smtp_mcp_server::config::{Config, SenderRule, ServerConfig};
use smtp_mcp_server::message::{HeaderVariant, Message};
use smtp_mcp_server::request::{Draft, SendEmailArgs, ValidationErrors};
use uuid::Uuid;

use crate::server::plain_server;

/// The id of every message in these tests.
pub(crate) const ID: Uuid = Uuid::from_u128(0x0193_5f3c_7d10_7000_8000_0000_0000_002a);

/// One server for each identity, in this order. Each may also send as anyone at allowed.example.
pub(crate) fn config(identities: &[&str]) -> Config {
    let allowed_from = vec![SenderRule::Domain("allowed.example".to_owned())];
    let servers = identities.iter().enumerate().map(|(index, identity)| ServerConfig {
        allowed_from: allowed_from.clone(),
        ..plain_server(&format!("server_{index}"), "localhost", 25, identity)
    });
    Config { servers: servers.collect(), ..Config::default() }
}

/// The time of every message in these tests.
pub(crate) fn at() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-22T19:00:00+01:00").unwrap()
}

/// From arguments to a message.
pub(crate) fn make(config: &Config, arguments: Value) -> Result<Message, ValidationErrors> {
    let asked: SendEmailArgs = serde_json::from_value(arguments).unwrap();
    let draft = Draft::parse(asked, &config.limits)?;
    compose(&draft, config, at(), ID).map(|composed| composed.message)
}

/// Composes a valid message of ada@example.org.
pub(crate) fn made(arguments: Value) -> Message {
    make(&config(&["Ada <ada@example.org>"]), arguments).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// The bytes of a message as one identity sends it.
pub(crate) fn bytes(message: &Message, variant: &HeaderVariant) -> Vec<u8> {
    [&variant.header[..], &message.content[..]].concat()
}
