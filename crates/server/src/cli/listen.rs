//! The address for HTTP clients: loopback, or others only if clients are authenticated.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;
use tracing::warn;

use crate::config::{Authority, HttpConfig};

/// Listens on `host`, which may be a name, an address or `localhost`; port 0 is any free one.
///
/// # Errors
/// It would listen beyond loopback without authentication, or the address cannot be bound.
pub async fn listen(host: &str, port: u16, http: &HttpConfig) -> anyhow::Result<TcpListener> {
    let name = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name, port))
        .await
        .with_context(|| format!("--host {host} is not an address of this machine"))?
        .collect();
    let is_reached_from_outside = addresses.iter().any(|address| !address.ip().is_loopback());
    if is_reached_from_outside && http.token.is_none() {
        if !http.allow_unauthenticated {
            bail!(REFUSED.replace("{host}", host));
        }
        warn!("no token is set: whoever reaches this port can send mail in your name");
    }
    let listening = TcpListener::bind(addresses.as_slice()).await;
    listening.with_context(|| format!("{host} port {port} is not available; choose another --host or --port"))
}

const REFUSED: &str = "--host {host} is reachable from other machines, and clients would not be authenticated. \
    Set SMTP_MCP_HTTP_TOKEN (or SMTP_MCP_HTTP_TOKEN_FILE) to a long random value, which clients then send as \
    `Authorization: Bearer …`; or, where something in front of this program lets only your clients through, set \
    SMTP_MCP_ALLOW_UNAUTHENTICATED=true; or use --host 127.0.0.1.";

/// The settings, with `host` as another allowed name.
pub fn reached_as(host: &str, mut http: HttpConfig) -> HttpConfig {
    http.allowed_hosts.extend(Authority::parse(host));
    http
}
