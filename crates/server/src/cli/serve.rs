//! `serve`: builds every part once, starts them, and stops them in order.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tracing::{error, info, warn};

use super::args::{ServeArgs, Transport};
use super::listen::{listen, reached_as};
use super::logging;
use super::services::{START, Services, not_started, start_later};
use crate::address::without_addresses;
use crate::clock::Clock;
use crate::config::{Config, ConfigErrors, ConfigSources, load_what_is_right, load_without_servers};
use crate::mcp::{McpHandler, Setup};
use crate::outbox::Principal;
use crate::transport::{HttpLimits, serve_http, serve_stdio};
use crate::upstream::report::{ReloadError, VALIDATE};

/// Enough for mail; a large machine has other work for its cores.
const HTTP_THREADS: usize = 4;

/// Serves MCP until SIGINT or SIGTERM, on stdio also until the client closes its end; SIGHUP reads the configuration again.
///
/// For stdio the runtime has one thread: almost all the work is waiting, and a call costs a fraction of what it costs
/// if the message has to change threads. Large mails are parsed and composed on blocking threads. HTTP has many clients,
/// and rmcp parses bodies of up to 72 MiB on its serving thread, so it has several: one large mail must not block the others.
///
/// `config` has the settings of the program; with `problems`, it has no servers, and every tool says what is wrong until a reload
/// succeeds.
///
/// # Errors
/// It cannot start; the exit code is 1.
pub fn serve(
    args: &ServeArgs,
    origin: ConfigSources,
    config: Config,
    problems: Option<ConfigErrors>,
    clock: Clock,
) -> anyhow::Result<ExitCode> {
    let runtime = match args.transport.unwrap_or_default() {
        Transport::Stdio => Builder::new_current_thread().enable_all().build(),
        Transport::Http => Builder::new_multi_thread().worker_threads(HTTP_THREADS).enable_all().build(),
    };
    let runtime = runtime.context("the runtime could not start")?;
    let code = runtime.block_on(run(args, origin, config, problems, clock));
    // A blocked read of stdin must not delay the exit.
    runtime.shutdown_background();
    code
}

/// The settings with which a program serves whose configuration has these `problems`.
///
/// # Errors
/// It does not serve without a usable configuration.
pub fn settings_without_servers(
    args: &ServeArgs,
    origin: &ConfigSources,
    problems: &ConfigErrors,
) -> Result<Config, ConfigErrors> {
    match args.transport.unwrap_or_default() {
        Transport::Stdio => Ok(load_what_is_right(origin)),
        // The settings say who may connect.
        Transport::Http if args.allow_unconfigured => load_without_servers(origin),
        Transport::Http => Err(problems.clone()),
    }
}

async fn run(
    args: &ServeArgs,
    origin: ConfigSources,
    config: Config,
    problems: Option<ConfigErrors>,
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
    let is_stdio = transport.is_none();
    let startup = Startup {
        origin,
        clock,
        principal: if is_stdio { Principal::Local } else { Principal::Http },
        may_be_unconfigured: is_stdio || args.allow_unconfigured,
        started: Arc::default(),
    };
    let server = match problems {
        Some(problems) => startup.unconfigured(not_started(VALIDATE, problems.to_string()), &config),
        None => startup.start(config).await?,
    };
    let stop = signals.asked_to_stop(server.clone());
    match transport {
        None => serve_stdio(server, stop).await,
        Some((listener, http)) => serve_http(server, listener, http, HttpLimits::default(), stop).await,
    }
    let Some(services) = startup.started.get() else {
        info!("stopped, without ever having had a usable configuration");
        return Ok(if is_stdio { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    };
    services.stop().await;
    services.close().await;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// From the configuration to a handler for calls.
struct Startup {
    origin: ConfigSources,
    clock: Clock,
    principal: Principal,
    may_be_unconfigured: bool,
    /// Set once everything runs, now or after a reload.
    started: Arc<OnceLock<Services>>,
}

impl Startup {
    async fn start(&self, config: Config) -> anyhow::Result<McpHandler> {
        match Services::start(self.origin.clone(), config.clone(), self.clock.clone()).await {
            Ok(services) => {
                let Services { upstreams, deliveries, .. } = self.started.get_or_init(|| services);
                let (upstreams, deliveries) = (Arc::clone(upstreams), deliveries.clone());
                Ok(McpHandler::new(upstreams, deliveries, self.principal, self.clock.clone()))
            }
            Err(error) if self.may_be_unconfigured => {
                Ok(self.unconfigured(not_started(START, format!("{error:#}")), &config))
            }
            Err(error) => Err(error),
        }
    }

    fn unconfigured(&self, failure: ReloadError, config: &Config) -> McpHandler {
        logging::line(&failure.message);
        warn!("there is no usable configuration: every tool says what is wrong until a reload succeeds");
        let (origin, clock) = (self.origin.clone(), self.clock.clone());
        let can_reload = config.tools.offers("reload_smtp_configuration");
        let then = if can_reload { "call reload_smtp_configuration" } else { "restart this program" };
        let advice = (origin.shortest_setup(then), then);
        let start = start_later(origin, clock.clone(), Arc::clone(&self.started));
        let setup = Setup::new(failure, advice, start, self.principal, clock.clone());
        McpHandler::unconfigured(setup, config, clock)
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
    let (policy, approval) = (config.policy.preset.word(), config.policy.approval.word());
    info!(policy, approval, mode = config.mode.word(), read_only = config.tools.read_only, "rules");
    for warning in &config.warnings {
        warn!("{warning}");
    }
    Ok(())
}

async fn reload(server: &McpHandler) {
    info!("SIGHUP: reading the configuration again");
    match server.reload().await {
        Ok(reloaded) if reloaded.config.from_environment_only => {
            warn!("nothing can have changed: everything comes from this process's own environment");
        }
        Ok(reloaded) => info!(changes = reloaded.changes.total_changes, "the new configuration is in effect"),
        Err(failure) => {
            error!(step = failure.step, "not reloaded: {}", without_addresses(&failure.message));
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
    async fn asked_to_stop(mut self, server: McpHandler) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => break info!("SIGINT"),
                _ = self.terminate.recv() => break info!("SIGTERM"),
                _ = self.hang_up.recv() => {
                    // In its own task: a slow reload must not delay SIGTERM.
                    let server = server.clone();
                    tokio::spawn(async move { reload(&server).await });
                }
            }
        }
    }
}
