//! Which servers may send a message, and in which order. Pure, except that it reads their health.

use std::sync::Arc;
use std::time::Duration;

use super::report::Availability;
use super::snapshot::Snapshot;
use super::upstream::Upstream;
use crate::config::ServerConfig;
use crate::message::{HeaderVariant, Message};

/// A server that may be tried for a message, and the header block that it sends.
pub(super) struct Candidate<'a> {
    /// The server.
    pub(super) server: &'a Arc<Upstream>,
    /// The header variant for this server's identity.
    pub(super) variant: &'a HeaderVariant,
}

/// The candidates for `message`, in the order in which they are tried.
///
/// Servers in back-off are left out, unless all are: then the one whose back-off ends first comes first. Servers whose
/// login was refused are always left out.
pub(super) fn route<'a>(snapshot: &'a Snapshot, message: &'a Message) -> Vec<Candidate<'a>> {
    let able = || {
        snapshot.in_order().filter_map(|server| {
            let variant = header_variant_for(message, &server.config)?;
            Some((server.availability(), Candidate { server, variant }))
        })
    };
    let well: Vec<_> = able()
        .filter(|(availability, _)| *availability == Availability::Available)
        .map(|(_, candidate)| candidate)
        .collect();
    if !well.is_empty() {
        return well;
    }
    let mut resting: Vec<_> = able()
        .filter(|(availability, _)| *availability == Availability::BackOff)
        .map(|(_, candidate)| (candidate.server.backoff_remaining().unwrap_or(Duration::ZERO), candidate))
        .collect();
    resting.sort_by_key(|(remaining, _)| *remaining);
    resting.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The header variant for `server`: the sender that the call chose, if the server owns it, or else the server's own identity.
pub(super) fn header_variant_for<'a>(
    message: &'a Message,
    server: &ServerConfig,
) -> Option<&'a HeaderVariant> {
    if !message.sender_chosen {
        return message.header_variant_for(&server.identity);
    }
    let chosen = message.header_variants.first()?;
    server.owns(&chosen.identity.address).then_some(chosen)
}

/// The server that the next mail goes to first.
pub(super) fn current(snapshot: &Snapshot) -> Option<&Arc<Upstream>> {
    snapshot.in_order().find(|server| server.availability() == Availability::Available).or_else(|| {
        snapshot.in_order().min_by_key(|server| server.backoff_remaining().unwrap_or(Duration::MAX))
    })
}
