//! A program without a usable configuration: what its tools answer, and how it starts when the user has repaired it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::context::ToolContext;
use super::tool_result::one_line;
use crate::clock::Clock;
use crate::config::{Config, ToolSelection};
use crate::delivery::Deliveries;
use crate::outbox::Principal;
use crate::upstream::Upstreams;
use crate::upstream::changes::Changes;
use crate::upstream::report::{ConnectionTest, ReloadError, Reloaded, VALIDATE};

/// Loads the configuration, tests its servers, and starts what the tools work with.
///
/// # Errors
/// What is wrong; then nothing was started.
pub type Start = dyn Fn() -> Pin<Box<dyn Future<Output = Result<Started, ReloadError>> + Send>> + Send + Sync;

/// What the tools work with, and the test of its servers.
pub struct Started {
    /// The servers.
    pub upstreams: Arc<Upstreams>,
    /// The deliveries, which run.
    pub deliveries: Deliveries,
    /// The test of the servers.
    pub connection_test: ConnectionTest,
}

/// A configuration that is not usable yet. Clones share it.
#[derive(Clone)]
pub struct Setup {
    shared: Arc<Shared>,
}

struct Shared {
    start: Box<Start>,
    failure: Mutex<ReloadError>,
    advice: String,
    then: &'static str,
    principal: Principal,
    clock: Clock,
    /// Serialises attempts to start.
    starting: tokio::sync::Mutex<()>,
    context: OnceLock<ToolContext>,
    /// Those of the configuration that it started with.
    tools: OnceLock<ToolSelection>,
}

impl Setup {
    /// What failed at the start; `advice` is the shortest way to a valid configuration, and `then` what to do after any repair.
    /// `start` is tried at each reload until it succeeds; the calls are those of `principal`.
    pub fn new(
        failure: ReloadError,
        (advice, then): (String, &'static str),
        start: Box<Start>,
        principal: Principal,
        clock: Clock,
    ) -> Self {
        let failure = Mutex::new(failure);
        let (starting, context, tools) = (tokio::sync::Mutex::default(), OnceLock::new(), OnceLock::new());
        let shared = Shared { start, failure, advice, then, principal, clock, starting, context, tools };
        Self { shared: Arc::new(shared) }
    }

    /// What the tools work with, once it was started.
    pub(super) fn context(&self) -> Option<&ToolContext> {
        self.shared.context.get()
    }

    /// Whether the configuration that it started with offers a tool; before that, any.
    pub(super) fn offers(&self, tool: &str) -> bool {
        self.shared.tools.get().is_none_or(|tools| tools.offers(tool))
    }

    /// Starts with the configuration as it is now; if that was done already, reloads it.
    ///
    /// # Errors
    /// What is wrong; then nothing was started.
    pub(super) async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let shared = &*self.shared;
        let _alone = shared.starting.lock().await;
        if let Some(context) = shared.context.get() {
            return context.upstreams.reload().await;
        }
        let Started { upstreams, deliveries, connection_test } =
            (shared.start)().await.inspect_err(|failure| {
                self.failure().clone_from(failure);
            })?;
        let config = Arc::clone(&upstreams.snapshot().config);
        let _ = shared.tools.set(config.tools.clone());
        let changes = Changes::between(&Config::default(), &config);
        let context = ToolContext::new(upstreams, deliveries, shared.principal, shared.clock.clone());
        let _ = shared.context.set(context);
        Ok(Reloaded { changes, connection_test, config })
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, ReloadError> {
        self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong and what to do, in one line.
    pub(super) fn explanation(&self) -> String {
        let ReloadError { step, message, .. } = &*self.failure();
        let problems = one_line(message);
        match *step {
            VALIDATE => format!("there is no usable configuration yet: {problems}. {}", self.shared.advice),
            _ => format!(
                "this program could not start: {problems}. When that is repaired, {}",
                self.shared.then
            ),
        }
    }
}
