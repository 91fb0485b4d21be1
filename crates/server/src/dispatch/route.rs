//! Which servers may send a message, and in which order. Pure, but for looking at their health.

use std::time::Duration;

use super::report::Condition;
use super::server::Shared;
use super::setup::Setup;
use crate::config::ServerConfig;
use crate::message::{Message, Rendering};

/// One stop on a message's way: a server, and the header block that it sends.
pub(super) struct Stop<'a> {
    /// The server.
    pub(super) server: &'a Shared,
    /// The message as this server's identity sends it.
    pub(super) rendering: &'a Rendering,
}

/// The stops for `message`, the first to try first.
///
/// Servers in back-off are left out, unless all are: then the one whose back-off ends first comes first. Servers whose
/// login was refused are always left out.
pub(super) fn route<'a>(setup: &'a Setup, message: &'a Message) -> Vec<Stop<'a>> {
    let able = || {
        setup.in_order().filter_map(|server| {
            let rendering = rendering_for(message, &server.config)?;
            Some((server.condition(), Stop { server, rendering }))
        })
    };
    let well: Vec<_> =
        able().filter(|(condition, _)| *condition == Condition::Available).map(|(_, stop)| stop).collect();
    if !well.is_empty() {
        return well;
    }
    let mut resting: Vec<_> = able()
        .filter(|(condition, _)| *condition == Condition::BackOff)
        .map(|(_, stop)| (stop.server.backoff_remaining().unwrap_or(Duration::ZERO), stop))
        .collect();
    resting.sort_by_key(|(remaining, _)| *remaining);
    resting.into_iter().map(|(_, stop)| stop).collect()
}

/// The message as `server` sends it: under the sender that the call chose, if the server owns it, or else under its own identity.
pub(super) fn rendering_for<'a>(message: &'a Message, server: &ServerConfig) -> Option<&'a Rendering> {
    if !message.sender_chosen {
        return message.rendering_for(&server.identity);
    }
    let chosen = message.renderings.first()?;
    server.owns(&chosen.identity.address).then_some(chosen)
}

/// The server that the next mail goes to first.
pub(super) fn current(setup: &Setup) -> Option<&Shared> {
    setup
        .in_order()
        .find(|server| server.condition() == Condition::Available)
        .or_else(|| setup.in_order().min_by_key(|server| server.backoff_remaining().unwrap_or(Duration::MAX)))
}
