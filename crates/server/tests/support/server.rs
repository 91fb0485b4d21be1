//! The configuration of one server, for tests.

use std::time::Duration;

use smtp_mcp_server::address::Mailbox;
use smtp_mcp_server::config::{Encryption, ServerConfig};

/// A server in plaintext, without a login.
pub(crate) fn plain_server(name: &str, host: &str, port: u16, identity: &str) -> ServerConfig {
    ServerConfig {
        name: name.to_owned(),
        port,
        encryption: Encryption::None,
        timeout: Duration::from_secs(5),
        max_retries: 0,
        ..ServerConfig::new(host.to_owned(), Mailbox::parse(identity).unwrap())
    }
}
