//! The domains that are one's own, where the settings do not say.

use std::collections::BTreeSet;

use super::{SenderRule, ServerConfig};
use crate::policy::RecipientPattern;

/// Providers whose domains anybody can have an address in.
const PUBLIC_PROVIDERS: [&str; 27] = [
    "aol.com",
    "fastmail.com",
    "gmail.com",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "laposte.net",
    "libero.it",
    "live.com",
    "mac.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "naver.com",
    "orange.fr",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "web.de",
    "yahoo.com",
    "yandex.ru",
    "zoho.com",
];

/// The domains of the senders, which are one's own unless anybody can have an address in them.
pub(super) fn own_domains(servers: &[ServerConfig]) -> Vec<RecipientPattern> {
    let rules = servers.iter().flat_map(|server| &server.allowed_from).filter_map(|rule| match rule {
        SenderRule::Address(address) => Some(address.domain()),
        SenderRule::Domain(domain) => Some(domain.as_str()),
        SenderRule::Any => None,
    });
    let identities = servers.iter().map(|server| server.identity.address.domain());
    let own: BTreeSet<_> =
        identities.chain(rules).filter(|domain| !PUBLIC_PROVIDERS.contains(domain)).collect();
    own.into_iter().map(|domain| RecipientPattern::Domain(domain.to_owned())).collect()
}
