//! Access over HTTP: the token, the allowed host names, the allowed origins.

use std::path::PathBuf;

use super::host::is_loopback;
use super::variables::MCP_CONNECTIONS_PER_ADDRESS;
use crate::secret::Secret;

/// Access over HTTP. Read at the start; a reload does not change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// The token that clients must send. It is visible ASCII.
    pub own_token: Option<Secret>,
    /// The same, in a file.
    pub token_file: Option<SecretFile>,
    /// Serving beyond loopback without a token was explicitly allowed.
    pub allow_unauthenticated: bool,
    /// Allowed names in the Host header, besides those of loopback.
    pub allowed_hosts: Vec<Authority>,
    /// Allowed origins of web pages; none: those of this machine.
    pub allowed_origins: Vec<WebOrigin>,
    /// Connections from one address at the same time.
    pub connections_per_address: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            own_token: None,
            token_file: None,
            allow_unauthenticated: false,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            connections_per_address: MCP_CONNECTIONS_PER_ADDRESS.number() as usize,
        }
    }
}

/// A file with a token or a password, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// Its path.
    pub path: PathBuf,
    /// The token or password.
    pub secret: Secret,
}

/// A name or address, and perhaps a port, as in a Host header (RFC 9110, section 7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// In lower case, without brackets and final dot.
    pub name: String,
    /// The port, if there is one.
    pub port: Option<u16>,
}

/// The origin of a web page (RFC 6454): never `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin {
    is_https: bool,
    name: String,
    port: u16,
}

impl HttpConfig {
    /// The token that clients must send, wherever it is set.
    pub fn token(&self) -> Option<&Secret> {
        self.own_token.as_ref().or(self.token_file.as_ref().map(|file| &file.secret))
    }

    /// Whether a request may name this host: loopback with any port, or a configured one, with its port if one is configured.
    pub fn allows_host(&self, asked: &Authority) -> bool {
        is_loopback(&asked.name)
            || self.allowed_hosts.iter().any(|allowed| {
                allowed.name == asked.name && (allowed.port.is_none() || allowed.port == asked.port)
            })
    }

    /// Whether a web page of this origin may call.
    pub fn allows_origin(&self, asked: &WebOrigin) -> bool {
        if self.allowed_origins.is_empty() {
            return is_loopback(&asked.name);
        }
        self.allowed_origins.contains(asked)
    }
}

impl Authority {
    /// Parses `name`, `name:port`, `address`, `[address]:port`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<std::net::Ipv6Addr>() {
            return Some(Self { name: address.to_string(), port: None });
        }
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (name, rest) = match bracketed {
            Some((inside, rest)) => (inside.parse::<std::net::Ipv6Addr>().ok()?.to_string(), rest),
            None => text.find(':').map_or((text.to_owned(), ""), |at| (text[..at].to_owned(), &text[at..])),
        };
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None if rest.is_empty() => None,
            None => return None,
        };
        let name = name.strip_suffix('.').unwrap_or(&name).to_ascii_lowercase();
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        (!name.is_empty() && name.chars().all(is_name)).then_some(Self { name, port })
    }
}

impl std::fmt::Display for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        bracketed(&self.name, f)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl WebOrigin {
    /// Parses `http://name`, `https://name:port`; the default port is that of the scheme.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let Authority { name, port } = Authority::parse(authority)?;
        Some(Self { is_https, name, port: port.unwrap_or(if is_https { 443 } else { 80 }) })
    }
}

impl std::fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_https { "https://" } else { "http://" })?;
        bracketed(&self.name, f)?;
        write!(f, ":{}", self.port)
    }
}

fn bracketed(name: &str, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    if name.contains(':') { write!(f, "[{name}]") } else { f.write_str(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_read() {
        let table = [
            ("localhost", Some(("localhost", None))),
            ("LocalHost.:80", Some(("localhost", Some(80)))),
            ("127.0.0.1:8000", Some(("127.0.0.1", Some(8000)))),
            ("[::1]:8000", Some(("::1", Some(8000)))),
            ("[0:0::1]", Some(("::1", None))),
            ("::1", Some(("::1", None))),
            ("", None),
            (":80", None),
            ("a:b", None),
            ("a:", None),
            ("a:70000", None),
            ("a@b", None),
            ("a/b", None),
            ("a b", None),
            ("[::1]x", None),
            ("[a]:1", None),
            ("127.0.0.1.evil.example", Some(("127.0.0.1.evil.example", None))),
        ];
        for (text, expected) in table {
            let read = Authority::parse(text).map(|found| (found.name, found.port));
            assert_eq!(read, expected.map(|(name, port)| (name.to_owned(), port)), "{text:?}");
        }
    }

    #[test]
    fn hosts_and_origins_are_told_apart() {
        let authorities = |texts: &[&str]| texts.iter().filter_map(|text| Authority::parse(text)).collect();
        let origins = |texts: &[&str]| texts.iter().filter_map(|text| WebOrigin::parse(text)).collect();
        let plain = HttpConfig::default();
        let set = HttpConfig {
            allowed_hosts: authorities(&["mcp.example.org", "other:8000"]),
            allowed_origins: origins(&["https://app.example.org"]),
            ..HttpConfig::default()
        };
        for (host, by_default, when_set) in [
            ("127.0.0.1:1", true, true),
            ("localhost", true, true),
            ("[::1]:8000", true, true),
            ("127.0.0.1.evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("mcp.example.org:7", false, true),
            ("other", false, false),
            ("other:8000", false, true),
        ] {
            let host = Authority::parse(host).unwrap();
            assert_eq!((plain.allows_host(&host), set.allows_host(&host)), (by_default, when_set), "{host}");
        }
        for (config_sources, by_default, when_set) in [
            ("http://localhost:6274", true, false),
            ("https://[::1]", true, false),
            ("https://evil.example", false, false),
            ("https://app.example.org", false, true),
            ("https://app.example.org:443", false, true),
            ("http://app.example.org", false, false),
            ("https://app.example.org:8443", false, false),
        ] {
            let config_sources = WebOrigin::parse(config_sources).unwrap();
            assert_eq!(
                (plain.allows_origin(&config_sources), set.allows_origin(&config_sources)),
                (by_default, when_set),
                "{config_sources}"
            );
        }
        for nothing in ["null", "", "localhost", "file://x", "http://", "http://a/b"] {
            assert_eq!(WebOrigin::parse(nothing), None, "{nothing:?}");
        }
    }
}
