//! The program: arguments in, exit code out.

#[cfg(not(all(target_os = "linux", feature = "jemalloc")))]
use std::alloc::System as SystemAllocator;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use smtp_mcp_server::cli::args::{Args, Command, ServeArgs};
use smtp_mcp_server::cli::outbox::{OutboxArgs, OutboxCommand};
use smtp_mcp_server::cli::policy::{PolicyArgs, PolicyCommand};
use smtp_mcp_server::cli::protection::protect_memory;
use smtp_mcp_server::cli::token::{TokenArgs, TokenCommand};
#[cfg(feature = "capture")]
use smtp_mcp_server::cli::{capture, demo};
use smtp_mcp_server::cli::{
    check, completions, health, logging, login, logout, man, outbox, outbox_change, pause, policy, send,
    serve, token, version,
};
use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::config::{self, ConfigErrors, ConfigSources, Loaded, LogFilter, load_with_provenance};
use tracing::level_filters::LevelFilter;
use wiping_allocator::WipingAllocator;

/// Gives memory back to the system after large work, also while the program is idle; glibc's allocator keeps it.
#[cfg(all(target_os = "linux", feature = "jemalloc"))]
use tikv_jemallocator::Jemalloc as SystemAllocator;

#[global_allocator]
static ALLOCATOR: WipingAllocator<SystemAllocator> = WipingAllocator(SystemAllocator);

fn main() -> ExitCode {
    let _log = logging::begin();
    let args = match Args::try_parse().and_then(Args::checked) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    run(args).unwrap_or_else(|error| {
        logging::last_line(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    let origin = args.files.origin();
    // After it wiped the environment, for which it needs access to its own memory.
    protect_memory();
    match args.command {
        None => serve(&args.serve, origin),
        Some(Command::Serve(own)) => serve(&own.or(args.serve), origin),
        Some(Command::Send(args)) => {
            let config = load_quietly(&origin).map(|loaded| loaded.config);
            block_on(async { Ok(send::send(*args, origin, config).await) })
        }
        Some(Command::Check(args)) => {
            let loaded = load_quietly(&origin);
            block_on(check::check(args, origin, loaded))
        }
        Some(Command::Login(args)) => {
            let loaded = load_quietly(&origin)?;
            block_on(login::login(args, origin, loaded.config))
        }
        Some(Command::Logout(args)) => {
            let loaded = load_quietly(&origin)?;
            block_on(logout::logout(args, loaded.config))
        }
        Some(Command::Token(TokenArgs { command: TokenCommand::Status })) => {
            token::status(&load_quietly(&origin)?.config)
        }
        Some(Command::Outbox(OutboxArgs { command: OutboxCommand::Drain(args) })) => {
            let loaded = load_quietly(&origin)?;
            block_on(outbox::drain(&args, origin, loaded.config))
        }
        Some(Command::Outbox(OutboxArgs { command: OutboxCommand::Retry(args) })) => {
            let loaded = load_quietly(&origin)?;
            block_on(outbox_change::retry(&args, origin, loaded.config))
        }
        Some(Command::Outbox(OutboxArgs { command })) => block_on(outbox::inspect(command, &origin)),
        Some(Command::Pause) => block_on(pause::pause(&origin)),
        Some(Command::Resume) => block_on(pause::resume(&origin)),
        Some(Command::Policy(PolicyArgs { command: PolicyCommand::Explain(args) })) => {
            let loaded = load_quietly(&origin)?;
            block_on(policy::explain(args, &loaded.config))
        }
        Some(Command::Health(args)) => health::health(&args),
        #[cfg(feature = "capture")]
        Some(Command::Capture(args)) => block_on(capture::capture(*args)),
        #[cfg(feature = "capture")]
        Some(Command::Demo(args)) => block_on(demo::demo(args)),
        Some(Command::Completions(args)) => Ok(completions::completions(&args, Args::command())),
        Some(Command::Man(args)) => man::man(&args, Args::command()),
        Some(Command::Version(args)) => Ok(version::version(&args)?),
    }
}

fn serve(args: &ServeArgs, mut origin: ConfigSources) -> anyhow::Result<ExitCode> {
    args.apply_to(&mut origin);
    let (config, problems) = match config::load(&origin) {
        Ok(config) => (config, None),
        Err(problems) => (serve::settings_without_servers(args, &origin, &problems)?, Some(problems)),
    };
    logging::start(&config.log_filter);
    serve::serve(args, origin, config, problems, Clock::System)
}

/// For commands that talk to a person: unless asked for more, only warnings are logged.
fn load_quietly(origin: &ConfigSources) -> Result<Loaded, ConfigErrors> {
    let mut loaded = load_with_provenance(origin)?;
    if !loaded.provenance.program.contains_key("LOG_LEVEL") {
        loaded.config.log_filter = LogFilter::Level(LevelFilter::WARN);
    }
    logging::start(&loaded.config.log_filter);
    Ok(loaded)
}

fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(command);
    // A blocked read of stdin must not delay the exit.
    runtime.shutdown_background();
    code
}
