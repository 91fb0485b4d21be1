//! What targets share: one configuration, and composing with it at one time and under one id.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::DateTime;
use smtp_mcp_server::address::Mailbox;
use smtp_mcp_server::compose::compose;
use smtp_mcp_server::config::{Config, Encryption, SenderRule, ServerConfig};
use smtp_mcp_server::limits::CallLimits;
use smtp_mcp_server::message::Message;
use smtp_mcp_server::request::Draft;
use uuid::Uuid;

/// The limits of every call.
pub fn limits() -> CallLimits {
    CONFIG.limits
}

/// The message of a draft, if it can be composed.
pub fn composed(draft: &Draft) -> Option<Message> {
    let at = DateTime::from_timestamp(1_795_370_400, 0).unwrap_or_default().fixed_offset();
    compose(draft, &CONFIG, at, Uuid::from_u128(42)).ok()
}

static CONFIG: LazyLock<Config> = LazyLock::new(|| Config {
    servers: vec![ServerConfig {
        name: "server".to_owned(),
        host: "localhost".to_owned(),
        port: 25,
        encryption: Encryption::None,
        username: None,
        password: None,
        ca: None,
        timeout: Duration::from_secs(5),
        max_retries: 0,
        identity: Mailbox::parse("Ada <ada@example.org>").unwrap_or_else(|error| panic!("{error}")),
        allowed_from: vec![SenderRule::Domain("allowed.example".to_owned())],
        priority: 0,
        allow_plaintext_auth: false,
        ehlo_name: None,
    }],
    attachment_dirs: Vec::new(),
    limits: CallLimits::default(),
    warnings: Vec::new(),
    from_environment_only: true,
});
