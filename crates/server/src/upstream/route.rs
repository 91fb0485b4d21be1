//! Which servers may send a message, and in which order. Pure, except that it reads their health.

use std::sync::Arc;
use std::time::Duration;

use super::report::Availability;
use super::server::Upstream;
use super::snapshot::Snapshot;
use crate::config::{Account, ServerConfig};
use crate::message::{HeaderVariant, Message};

/// A server that may be tried for a message, and the header block that it sends.
pub struct Candidate<'a> {
    /// The server.
    pub server: &'a Arc<Upstream>,
    /// The header variant for this server's identity.
    pub variant: &'a HeaderVariant,
}

/// The route of a message.
pub struct Route<'a> {
    /// The servers that may be tried now, in this order.
    pub candidates: Vec<Candidate<'a>>,
    /// Others are in back-off, and may take the message later.
    pub others_in_backoff: bool,
}

/// The route of `message`.
///
/// Servers in back-off are left out, unless all are: then the one whose back-off ends first comes first. Servers whose
/// login was refused are always left out.
pub fn route<'a>(snapshot: &'a Snapshot, message: &'a Message) -> Route<'a> {
    let able = |wanted| {
        let able = snapshot.in_order().filter(move |server| server.availability() == wanted);
        able.filter_map(|server| {
            let variant = header_variant_for(message, &server.config)?;
            Some(Candidate { server, variant })
        })
    };
    let available: Vec<_> = able(Availability::Available).collect();
    let mut in_backoff: Vec<_> = able(Availability::BackOff).collect();
    if !available.is_empty() {
        return Route { candidates: available, others_in_backoff: !in_backoff.is_empty() };
    }
    in_backoff.sort_by_cached_key(|candidate| candidate.server.backoff_remaining().unwrap_or_default());
    Route { candidates: in_backoff, others_in_backoff: false }
}

/// The header variant for `server`: the sender that the call chose, if the server owns it, or else the server's own identity.
pub(super) fn header_variant_for<'a>(
    message: &'a Message,
    server: &ServerConfig,
) -> Option<&'a HeaderVariant> {
    if !message.sender_chosen {
        return message.header_variant_for(&server.identity.address);
    }
    let chosen = message.header_variants.first()?;
    server.owns(&chosen.sender).then_some(chosen)
}

/// The accounts that may send `message`.
pub fn accounts_for(snapshot: &Snapshot, message: &Message) -> Vec<Account> {
    let config = &snapshot.config;
    let able = config.servers.iter().filter(|server| header_variant_for(message, server).is_some());
    able.filter_map(|server| config.account(server)).collect()
}

/// The server that the next mail goes to first.
pub(super) fn current(snapshot: &Snapshot) -> Option<&Arc<Upstream>> {
    snapshot.in_order().find(|server| server.availability() == Availability::Available).or_else(|| {
        snapshot.in_order().min_by_key(|server| server.backoff_remaining().unwrap_or(Duration::MAX))
    })
}
