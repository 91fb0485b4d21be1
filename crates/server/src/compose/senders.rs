//! The senders to compose for: the one that the call chose, or the identity of each server that may be needed.

use crate::address::{Address, Mailbox};
use crate::config::{Config, SenderRule, ServerConfig};
use crate::request::{Draft, ValidationCode, ValidationErrors};

/// The identities that need a header block, one for each address, in the order of the servers; never empty.
pub(super) fn senders(draft: &Draft, config: &Config) -> Result<Vec<Mailbox>, ValidationErrors> {
    if let Some(from) = &draft.from {
        return chosen(from, config).map(|sender| vec![sender]);
    }
    let mut identities: Vec<Mailbox> = Vec::new();
    for server in &config.servers {
        if identities.iter().all(|known| known.address != server.identity.address) {
            identities.push(server.identity.clone());
        }
    }
    if identities.is_empty() {
        return Err(ValidationErrors::one("", ValidationCode::NotAllowed, "no server is configured"));
    }
    Ok(identities)
}

fn chosen(from: &Mailbox, config: &Config) -> Result<Mailbox, ValidationErrors> {
    let address = &from.address;
    if !config.servers.iter().any(|server| server.owns(address)) {
        let allowed = allowed(&config.servers).join(", ");
        let message = format!(
            "{address} may not send here; allowed: {allowed} (SMTP_ALLOWED_FROM allows more), or leave from_email out"
        );
        return Err(ValidationErrors::one("from_email", ValidationCode::NotAllowed, message));
    }
    let configured =
        config.servers.iter().map(|server| &server.identity).find(|identity| identity.address == *address);
    let name = from.name.clone().or_else(|| configured.and_then(|identity| identity.name.clone()));
    Ok(Mailbox { name, address: Address::clone(address) })
}

/// Every sender that a call may choose, each once.
fn allowed(servers: &[ServerConfig]) -> Vec<String> {
    let mut allowed: Vec<String> = Vec::new();
    for server in servers {
        let rules = server.allowed_from.iter().map(|rule| match rule {
            SenderRule::Address(address) => address.to_string(),
            SenderRule::Domain(domain) => format!("*@{domain}"),
            SenderRule::Any => "*".to_owned(),
        });
        for one in std::iter::once(server.identity.address.to_string()).chain(rules) {
            if !allowed.contains(&one) {
                allowed.push(one);
            }
        }
    }
    allowed
}
