//! What a server consists of besides its transport: the outbox, the SMTP servers, the deliveries.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::timeout;
use tracing::{info, warn};

use super::open_outbox::NO_OUTBOX;
use crate::blocking_work::BlockingWork;
use crate::clock::Clock;
use crate::config::{self, Config, ConfigErrors, ConfigSources};
use crate::delivery::Deliveries;
use crate::mcp::{Start, Started};
use crate::outbox::{Outbox, Stats};
use crate::transport::CALLS_GRACE_PERIOD;
use crate::upstream::Upstreams;
use crate::upstream::report::{ReloadError, VALIDATE};

/// What is left of the 8 s to send QUIT to SMTP servers.
const QUIT_GRACE_PERIOD: Duration = Duration::from_millis(400);

/// For the last look at the outbox, which another process may hold.
const LEAVE_GRACE_PERIOD: Duration = Duration::from_millis(300);

/// The parts that run.
pub(super) struct Services {
    outbox: Outbox,
    pub(super) upstreams: Arc<Upstreams>,
    pub(super) deliveries: Deliveries,
}

impl Services {
    /// Starts everything with `config`.
    ///
    /// # Errors
    /// A certificate or the outbox cannot be used.
    pub(super) async fn start(origin: ConfigSources, config: Config, clock: Clock) -> anyhow::Result<Self> {
        Self::run(Arc::new(Upstreams::new(origin, config, clock.clone())?), clock).await
    }

    async fn run(upstreams: Arc<Upstreams>, clock: Clock) -> anyhow::Result<Self> {
        let location = upstreams.snapshot().config.outbox.clone().context(NO_OUTBOX)?;
        let outbox = Outbox::open(&location, clock.clone()).map_err(anyhow::Error::msg)?;
        outbox.recover().await?;
        say_what_is_held(&outbox).await;
        let deliveries = Deliveries::new(outbox.clone(), Arc::clone(&upstreams), clock);
        tokio::spawn({
            let deliveries = deliveries.clone();
            async move { deliveries.run().await }
        });
        Ok(Self { outbox, upstreams, deliveries })
    }

    /// Finishes what is in progress, and leaves the outbox and the SMTP servers.
    pub(super) async fn stop(&self) {
        self.deliveries.finish(CALLS_GRACE_PERIOD).await;
        let left = timeout(LEAVE_GRACE_PERIOD, async {
            self.outbox.leave().await;
            say_what_waits(&self.outbox).await;
        });
        if left.await.is_err() {
            warn!("another process holds the outbox: it was not asked what waits");
        }
        if timeout(QUIT_GRACE_PERIOD, self.upstreams.drain()).await.is_err() {
            info!("some SMTP connections were closed without QUIT");
        }
    }

    /// Closes the outbox, after [`Services::stop`] and the last look at it.
    pub(super) async fn close(&self) {
        // Whatever is left in the log is found by the next process.
        let _ = timeout(LEAVE_GRACE_PERIOD, self.outbox.close()).await;
    }
}

/// The step of a reload that starts what the tools work with.
pub(super) const START: &str = "start";

pub(super) fn not_started(step: &'static str, message: String) -> ReloadError {
    ReloadError { step, message, connection_test: None }
}

/// Starts everything with the configuration as it is then, if one of its servers works, and keeps it in `started`.
pub(super) fn start_later(
    origin: ConfigSources,
    clock: Clock,
    started: Arc<OnceLock<Services>>,
) -> Box<Start> {
    let reading = BlockingWork::default();
    Box::new(move || {
        let (origin, clock, started) = (origin.clone(), clock.clone(), Arc::clone(&started));
        let reading = reading.clone();
        Box::pin(async move {
            let invalid = |problems: ConfigErrors| not_started(VALIDATE, problems.to_string());
            let config = config::reload(&origin, &reading).await.map_err(invalid)?;
            let upstreams = Upstreams::new(origin, config, clock.clone()).map_err(invalid)?;
            let connection_test = upstreams.test().await;
            if connection_test.successful_servers == 0 {
                let message = format!("none of the servers is usable: {}", connection_test.summary());
                return Err(ReloadError { step: "connect", message, connection_test: Some(connection_test) });
            }
            let running = Services::run(Arc::new(upstreams), clock).await;
            let services = running.map_err(|error| not_started(START, format!("{error:#}")))?;
            let services = started.get_or_init(|| services);
            Ok(Started {
                upstreams: Arc::clone(&services.upstreams),
                deliveries: services.deliveries.clone(),
                connection_test,
            })
        })
    })
}

/// The last words about mail that was not sent. This process has left, and serves no account any more.
async fn say_what_waits(outbox: &Outbox) {
    match outbox.stats().await {
        Ok(Stats { unserved: 0, .. }) => {}
        Ok(Stats { unserved, .. }) if outbox.is_durable() => warn!(
            unserved,
            "mails wait in the outbox, and no other program that is running can send them; they are sent when this program runs \
             again with the same account, or by `smtp-mcp-server outbox drain`"
        ),
        Ok(Stats { unserved, .. }) => {
            warn!(unserved, "mails were not sent, and are lost: SMTP_MCP_OUTBOX is memory");
        }
        Err(error) => warn!("{error}"),
    }
}

/// Held mail needs a person, who may not know of it.
async fn say_what_is_held(outbox: &Outbox) {
    let stats = outbox.stats().await;
    if let Ok(Stats { awaiting_approval, .. }) = &stats
        && *awaiting_approval > 0
    {
        warn!(awaiting_approval, "mails are held until a person approves them: `outbox list --state held`");
    }
    if let Ok(Stats { paused_since: Some(since), .. }) = &stats {
        warn!(since = since.to_rfc3339(), "sending is paused: nothing is sent until `resume`");
    }
    match stats {
        Ok(Stats { held, awaiting_approval, .. }) if held > awaiting_approval => warn!(
            held = held - awaiting_approval,
            "mails are held, because the outbox was copied or restored: some may have been sent already; look at them with \
             `outbox list --state held`, and send them with `outbox adopt`"
        ),
        _ => {}
    }
}
