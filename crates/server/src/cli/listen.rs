//! The address for HTTP clients: loopback, or others only if clients are authenticated.

use std::io;
use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::net::{TcpListener, TcpSocket};
use tracing::warn;

use crate::config::{Authority, HttpConfig};

/// How many new connections the system keeps until they are accepted. Beyond that a client tries again only after
/// a second.
const BACKLOG: u32 = 4096;

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
    if is_reached_from_outside && http.token().is_none() {
        if !http.allow_unauthenticated {
            bail!(REFUSED.replace("{host}", host));
        }
        warn!("no token is set: whoever reaches this port can send mail in your name");
    }
    bind(&addresses)
        .with_context(|| format!("{host} port {port} is not available; choose another --host or --port"))
}

/// The first address that can be bound.
fn bind(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let mut failed = io::Error::other("no address");
    for address in addresses {
        match bind_one(*address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `TcpListener::bind` does: a restart does not wait for connections that the last process closed.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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
