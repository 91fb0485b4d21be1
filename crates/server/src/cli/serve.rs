//! `serve`: builds every part once, starts them, and stops them in order.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::args::{ServeArgs, Transport};
use super::listen::{listen, reached_as};
use super::outbox::NO_OUTBOX;
use crate::address::without_addresses;
use crate::clock::Clock;
use crate::config::{Config, ConfigSources};
use crate::delivery::Deliveries;
use crate::mcp::McpHandler;
use crate::outbox::{Outbox, Principal, Stats};
use crate::transport::{CALLS_GRACE_PERIOD, HttpLimits, serve_http, serve_stdio};
use crate::upstream::Upstreams;

/// What is left of the 8 s to send QUIT to SMTP servers.
const QUIT_GRACE_PERIOD: Duration = Duration::from_millis(400);

/// For the last look at the outbox, which another process may hold.
const LEAVE_GRACE_PERIOD: Duration = Duration::from_millis(300);

/// Enough for mail; a large machine has other work for its cores.
const HTTP_THREADS: usize = 4;

/// Serves MCP until SIGINT or SIGTERM, on stdio also until the client closes its end; SIGHUP reads the configuration again.
///
/// For stdio the runtime has one thread: almost all the work is waiting, and a call costs a fraction of what it costs
/// if the message has to change threads. Large mails are parsed and composed on blocking threads. HTTP has many clients,
/// and rmcp parses bodies of up to 72 MiB on its serving thread, so it has several: one large mail must not block the others.
///
/// # Errors
/// It cannot start; the exit code is 1.
pub fn serve(
    args: &ServeArgs,
    origin: ConfigSources,
    config: Config,
    clock: Clock,
) -> anyhow::Result<ExitCode> {
    let runtime = match args.transport.unwrap_or_default() {
        Transport::Stdio => Builder::new_current_thread().enable_all().build(),
        Transport::Http => Builder::new_multi_thread().worker_threads(HTTP_THREADS).enable_all().build(),
    };
    let runtime = runtime.context("the runtime could not start")?;
    let code = runtime.block_on(run(args, origin, config, clock));
    // A blocked read of stdin must not delay the exit.
    runtime.shutdown_background();
    code
}

async fn run(
    args: &ServeArgs,
    origin: ConfigSources,
    config: Config,
    clock: Clock,
) -> anyhow::Result<ExitCode> {
    let signals = Signals::new().context("signals cannot be received")?;
    let http = config.http.clone();
    let transport = match args.transport.unwrap_or_default() {
        Transport::Stdio => None,
        Transport::Http => {
            let (host, port) = args.address();
            Some((listen(host, port, &http).await?, reached_as(host, http)))
        }
    };
    announce(&config, transport.as_ref().map(|(listener, _)| listener))?;
    let location = config.outbox.clone().context(NO_OUTBOX)?;
    let outbox = Outbox::open(&location, clock.clone()).map_err(anyhow::Error::msg)?;
    let upstreams = Arc::new(Upstreams::new(origin, config, clock.clone())?);
    outbox.recover().await?;
    say_what_is_held(&outbox).await;
    let deliveries = Deliveries::new(outbox.clone(), Arc::clone(&upstreams), clock.clone());
    tokio::spawn({
        let deliveries = deliveries.clone();
        async move { deliveries.run().await }
    });
    let principal = if transport.is_some() { Principal::Http } else { Principal::Local };
    let server = McpHandler::new(Arc::clone(&upstreams), deliveries.clone(), principal, clock);
    let stop = signals.asked_to_stop(&upstreams);
    match transport {
        None => serve_stdio(server, stop).await,
        Some((listener, http)) => serve_http(server, listener, http, HttpLimits::default(), stop).await,
    }
    deliveries.finish(CALLS_GRACE_PERIOD).await;
    let left = timeout(LEAVE_GRACE_PERIOD, async {
        outbox.leave().await;
        say_what_waits(&outbox).await;
    });
    if left.await.is_err() {
        warn!("another process holds the outbox: it was not asked what waits");
    }
    if timeout(QUIT_GRACE_PERIOD, upstreams.drain()).await.is_err() {
        info!("some SMTP connections were closed without QUIT");
    }
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The last words about mail that was not sent. This process has left, and serves no account any more.
async fn say_what_waits(outbox: &Outbox) {
    match outbox.stats().await {
        Ok(Stats { unserved: 0, .. }) => {}
        Ok(Stats { unserved, .. }) if outbox.is_durable() => warn!(
            unserved,
            "mails wait in the outbox, and no other program that is running can send them; they are sent when this program runs \
             again with the same account"
        ),
        Ok(Stats { unserved, .. }) => {
            warn!(unserved, "mails were not sent, and are lost: SMTP_MCP_OUTBOX is memory");
        }
        Err(error) => warn!("{error}"),
    }
}

/// Held mail needs a person, who may not know of it.
async fn say_what_is_held(outbox: &Outbox) {
    match outbox.stats().await {
        Ok(Stats { held, .. }) if held > 0 => warn!(
            held,
            "mails are held, because the outbox was copied or restored: some may have been sent already; look at them with \
             `outbox list --state held`, and send them with `outbox adopt`"
        ),
        _ => {}
    }
}

fn announce(config: &Config, listener: Option<&TcpListener>) -> anyhow::Result<()> {
    let (version, servers) = (env!("CARGO_PKG_VERSION"), config.servers.len());
    match listener {
        None => info!(version, transport = "stdio", servers, "smtp-mcp-server starts"),
        Some(listener) => {
            let url = format!("http://{}/mcp", listener.local_addr()?);
            let token = if config.http.token().is_some() { "required" } else { "none" };
            info!(version, transport = "http", url, token, servers, "smtp-mcp-server starts");
        }
    }
    for server in &config.servers {
        let encryption = server.encryption.word();
        info!(name = server.name, host = server.host, port = server.port, encryption, "server");
    }
    for warning in &config.warnings {
        warn!("{warning}");
    }
    Ok(())
}

async fn reload(upstreams: &Upstreams) {
    info!("SIGHUP: reading the configuration again");
    match upstreams.reload().await {
        Ok(reloaded) if reloaded.from_environment_only => {
            warn!("nothing can have changed: everything comes from this process's own environment");
        }
        Ok(reloaded) => info!(changes = reloaded.changes.total_changes, "the new configuration is in effect"),
        Err(failure) => {
            error!(
                step = failure.step,
                "not reloaded, the old configuration stays in effect: {}",
                without_addresses(&failure.message)
            );
        }
    }
}

/// The signals that are handled.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Returns at SIGINT or SIGTERM; reloads at each SIGHUP until then.
    async fn asked_to_stop(mut self, upstreams: &Arc<Upstreams>) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => break info!("SIGINT"),
                _ = self.terminate.recv() => break info!("SIGTERM"),
                _ = self.hang_up.recv() => {
                    // In its own task: a slow reload must not delay SIGTERM.
                    let upstreams = Arc::clone(upstreams);
                    tokio::spawn(async move { reload(&upstreams).await });
                }
            }
        }
    }
}
