//! What targets share: one configuration, composing with it at one time and under one id, and the HTTP server.

pub mod http;
pub mod settings;

use std::sync::LazyLock;

use chrono::DateTime;
use smtp_mcp_server::compose::compose;
use smtp_mcp_server::config::{self, Config, ConfigSources};
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
    compose(draft, &CONFIG, at, Uuid::from_u128(42)).ok().map(|composed| composed.message)
}

/// Read as the program reads it, so that a new setting is no reason for a change here.
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let settings = [
        ("SMTP_HOST", "localhost"),
        ("SMTP_USE_TLS", "false"),
        ("SMTP_FROM_EMAIL", "Ada <ada@example.org>"),
        ("SMTP_ALLOWED_FROM", "*@allowed.example"),
    ];
    let environment = settings.map(|(name, value)| (name.to_owned(), value.into())).into();
    let origin = ConfigSources { environment, ..ConfigSources::default() };
    config::load(&origin).unwrap_or_else(|problems| panic!("{problems}"))
});
