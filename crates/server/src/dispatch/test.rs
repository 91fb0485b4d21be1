//! Tests servers: connects, negotiates TLS, logs in, sends nothing.

use std::sync::Arc;
use std::time::Duration;

use smtp_submission::{HealthImpact, classify};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::info;

use super::advice;
use super::recovery;
use super::report::{Connected, ConnectionTest, ServerTest};
use super::upstream::Upstream;

/// The time limit of a test.
const TEST_TIMEOUT: Duration = Duration::from_secs(40);

/// Tests all of `servers` at the same time; the results are in their order.
pub(super) async fn test_all(servers: &[Arc<Upstream>]) -> ConnectionTest {
    let mut running = JoinSet::new();
    for (position, server) in servers.iter().cloned().enumerate() {
        running.spawn(async move { (position, test_one(&server).await) });
    }
    let mut tests = running.join_all().await;
    tests.sort_by_key(|(position, _)| *position);
    ConnectionTest { servers: tests.into_iter().map(|(_, test)| test).collect() }
}

/// Tests one server. A refused login is tried again at most once a minute, however many callers ask.
pub(super) async fn test_one(server: &Arc<Upstream>) -> ServerTest {
    let result = timeout(TEST_TIMEOUT, connect(server)).await;
    let result =
        result.unwrap_or_else(|_| Err(about(server, &format!("no end within {} s", TEST_TIMEOUT.as_secs()))));
    info!(server = server.name(), works = result.is_ok(), "tested");
    ServerTest {
        name: server.name().to_owned(),
        address: server.address(),
        priority: server.config.priority,
        result,
    }
}

async fn connect(server: &Arc<Upstream>) -> Result<Connected, String> {
    let _alone = match server.config.username {
        Some(_) => Some(server.testing.lock().await),
        None => None,
    };
    if let Some(rest) = server.auth_retry_after() {
        let wait = rest.as_secs() + 1;
        let words = format!(
            "the login was refused a moment ago; it is not tried again for {wait} s, so that the account is not locked"
        );
        return Err(about(server, &words));
    }
    server.pool.forget_login_refusal();
    let began = server.instant();
    match server.pool.check().await {
        Ok(facts) => {
            server.note(HealthImpact::Healthy, began);
            Ok(Connected {
                tls_version: facts.tls_version.map(str::to_owned),
                extensions: facts.keywords,
                logged_in: server.config.username.is_some(),
            })
        }
        Err(error) => {
            if server.note(classify(error.phase, &error.kind, false).health, began) {
                recovery::after_back_off(server);
            }
            Err(advice::explain(&server.config, &error))
        }
    }
}

fn about(server: &Arc<Upstream>, words: &str) -> String {
    format!("{} ({}): {words}", server.name(), server.address())
}
