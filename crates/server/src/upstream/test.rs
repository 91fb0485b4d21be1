//! Tests servers: connects, negotiates TLS, logs in, sends nothing.

use std::sync::Arc;
use std::time::Duration;

use smtp_submission::{HealthImpact, ServerInfo};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::info;

use super::advice;
use super::report::{ConnectionTest, ServerTest};
use super::server::Upstream;

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
    ConnectionTest::of(tests.into_iter().map(|(_, test)| test).collect())
}

/// Tests one server. A refused login is tried again at most once a minute, however many callers ask.
pub(super) async fn test_one(server: &Arc<Upstream>) -> ServerTest {
    let late = || Err(about(server, &format!("no end within {} s", TEST_TIMEOUT.as_secs())));
    let result = timeout(TEST_TIMEOUT, connect(server)).await.unwrap_or_else(|_| late());
    info!(server = server.name(), works = result.is_ok(), "tested");
    let test = ServerTest {
        server: server.name().to_owned(),
        host: server.address(),
        priority: server.config.priority,
        success: result.is_ok(),
        message: None,
        error: None,
        tls_version: None,
        extensions: None,
    };
    match result {
        Err(error) => ServerTest { error: Some(error), ..test },
        Ok(info) => {
            let tls = info.tls_version.unwrap_or("no TLS");
            let login = if server.config.username.is_some() { "logged in" } else { "no login" };
            let message = Some(format!("connected, {tls}, {login}"));
            ServerTest { message, tls_version: info.tls_version, extensions: Some(info.keywords), ..test }
        }
    }
}

async fn connect(server: &Arc<Upstream>) -> Result<ServerInfo, String> {
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
    let checked = server.pool.check().await;
    let impact = checked.as_ref().map_or_else(|error| error.classify().health, |_| HealthImpact::Healthy);
    server.note(impact, began);
    checked.map_err(|error| advice::explain(&server.config, &error))
}

fn about(server: &Upstream, words: &str) -> String {
    format!("{} ({}): {words}", server.name(), server.address())
}
