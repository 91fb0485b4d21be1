//! A server in back-off is probed when that ends: connection, TLS and login, no mail.

use std::sync::{Arc, Weak};

use smtp_submission::{HealthImpact, classify};
use tokio::time::sleep;
use tracing::info;

use super::report::Condition;
use super::server::{Server, Shared};

/// Watches over a server that was hurt until it works again, is paused, or is no longer in force.
pub(super) fn after_back_off(server: &Shared) {
    if server.begin_watch() {
        tokio::spawn(watch(Arc::downgrade(server)));
    }
}

async fn watch(server: Weak<Server>) {
    while let Some(pause) = server.upgrade().and_then(|server| server.backoff_remaining()) {
        sleep(pause).await;
        let Some(server) = server.upgrade() else {
            return;
        };
        if server.condition() != Condition::Available {
            continue;
        }
        let began = server.instant();
        let health = match server.pool.check().await {
            Ok(_) => HealthImpact::Healthy,
            Err(error) => match classify(error.phase, &error.kind, false).health {
                // Nobody waits for a probe: where one is sent away, the next comes later and later.
                HealthImpact::BriefFailure => HealthImpact::Failure,
                other => other,
            },
        };
        info!(server = server.name(), works = health == HealthImpact::Healthy, "probed after back-off");
        server.note(health, began);
    }
    let Some(server) = server.upgrade() else {
        return;
    };
    server.end_watch();
    if server.backoff_remaining().is_some() {
        after_back_off(&server); // it was hurt again just now
    }
}
