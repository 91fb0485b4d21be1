//! Recovery checks: when a server's back-off ends, it is checked by connection, TLS and login, without mail.

use std::sync::{Arc, Weak};
use std::time::Instant;

use smtp_submission::HealthImpact;
use tokio::time::sleep;
use tracing::info;

use super::report::Availability;
use super::server::Upstream;

impl Upstream {
    /// Records the impact of a session that `began` then. A server that is in back-off now is checked after it, until it
    /// works again, is paused, or is no longer in use.
    pub fn note(self: &Arc<Self>, impact: HealthImpact, began: Instant) {
        if self.record(impact, began) == Availability::BackOff {
            after_back_off(self);
        }
    }
}

fn after_back_off(server: &Arc<Upstream>) {
    if server.start_recovery() {
        tokio::spawn(check_recovery(Arc::downgrade(server)));
    }
}

async fn check_recovery(server: Weak<Upstream>) {
    while let Some(pause) = server.upgrade().and_then(|server| server.backoff_remaining()) {
        sleep(pause).await;
        let Some(server) = server.upgrade() else {
            return;
        };
        if server.availability() != Availability::Available {
            continue;
        }
        let began = server.instant();
        let health = match server.pool.check().await {
            Ok(_) => HealthImpact::Healthy,
            Err(error) => match error.classify().health {
                // Nothing waits for a recovery check, so after a 421 the next one comes later and later.
                HealthImpact::BriefFailure => HealthImpact::Failure,
                other => other,
            },
        };
        info!(server = server.name(), works = health == HealthImpact::Healthy, "checked after back-off");
        server.record(health, began);
    }
    let Some(server) = server.upgrade() else {
        return;
    };
    server.end_recovery();
    if server.backoff_remaining().is_some() {
        after_back_off(&server); // it failed again just now
    }
}
