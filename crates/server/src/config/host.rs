//! The syntax of host names and address literals (RFC 1123, section 2.1), for SMTP_HOST and SMTP_EHLO_NAME.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host name (in A-labels, without a final dot) or an address (IPv6 without brackets). Otherwise the reason, and what to write instead.
pub(super) fn parse_host(text: &str) -> Result<String, String> {
    if text.contains("://") {
        return Err(
            "it has a scheme; give only the host, and use SMTP_PORT and SMTP_USE_SSL for the rest".to_owned()
        );
    }
    if text.contains('@') {
        return Err("it has credentials; those belong in SMTP_USERNAME and SMTP_PASSWORD".to_owned());
    }
    if let Some(address) = literal(text) {
        return Ok(address.to_string());
    }
    if let Some((host, port)) =
        text.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Err(format!("it has a port; set host {host} and port {port} separately"));
    }
    host_name(text)
}

/// Whether it is this machine: 127/8, ::1 or localhost.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A name for EHLO (RFC 5321, section 4.1.3): a host name or a literal in brackets, in ASCII.
pub(super) fn parse_ehlo_name(text: &str) -> Result<String, String> {
    let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return if text.is_ascii() { host_name(text) } else { Err("it is not ASCII".to_owned()) };
    };
    let is_literal = match inside.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => inside.parse::<Ipv4Addr>().is_ok(),
    };
    if is_literal { Ok(text.to_owned()) } else { Err("there is no address in the brackets".to_owned()) }
}

fn literal(text: &str) -> Option<IpAddr> {
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    inside.parse().ok()
}

fn host_name(text: &str) -> Result<String, String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let name = if text.is_ascii() { text.to_owned() } else { a_labels(text)? };
    if name.len() > 253 {
        return Err("it is longer than 253 characters".to_owned());
    }
    if let Some(label) = name.split('.').find(|label| !is_label(label)) {
        return Err(format!("{label:?} is not a valid host name label"));
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("it looks like an IPv4 address but is not one".to_owned());
    }
    Ok(name)
}

fn a_labels(text: &str) -> Result<String, String> {
    idna::domain_to_ascii_strict(text).map_err(|_| "it is not a valid internationalized host name".to_owned())
}

/// Underscores are allowed: container networks use them in service names.
fn is_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len())
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}
