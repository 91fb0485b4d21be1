//! What the tools work with.

use std::sync::Arc;

use crate::clock::Clock;
use crate::delivery::Deliveries;
use crate::outbox::{Outbox, Principal};
use crate::submit::ComposeBudget;
use crate::upstream::Upstreams;

/// The parts of the program that tools use. Clones share them.
#[derive(Clone)]
pub(super) struct ToolContext {
    pub(super) upstreams: Arc<Upstreams>,
    pub(super) deliveries: Deliveries,
    pub(super) compose_budget: ComposeBudget,
    /// Whose calls these are.
    pub(super) principal: Principal,
    pub(super) clock: Clock,
}

impl ToolContext {
    pub(super) fn new(
        upstreams: Arc<Upstreams>,
        deliveries: Deliveries,
        principal: Principal,
        clock: Clock,
    ) -> Self {
        Self { upstreams, deliveries, compose_budget: ComposeBudget::default(), principal, clock }
    }

    pub(super) fn outbox(&self) -> &Outbox {
        self.deliveries.outbox()
    }
}
