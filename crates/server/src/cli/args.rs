//! The command line.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory as _, Parser, Subcommand, ValueEnum};

#[cfg(feature = "capture")]
use super::capture::CaptureArgs;
use super::check::CheckArgs;
use super::completions::CompletionsArgs;
#[cfg(feature = "capture")]
use super::demo::DemoArgs;
use super::health::HealthArgs;
use super::login::LoginArgs;
use super::logout::LogoutArgs;
use super::man::ManArgs;
use super::outbox::OutboxArgs;
use super::policy::PolicyArgs;
use super::send::SendArgs;
use super::token::TokenArgs;
use super::version::VersionArgs;
use crate::config::ConfigSources;

/// Sends e-mail over your own SMTP servers for an MCP client.
#[derive(Debug, Parser)]
#[command(name = "smtp-mcp-server", version, about, long_about = None)]
pub struct Args {
    /// Files with settings, besides the environment.
    #[command(flatten)]
    pub files: Files,
    /// How to serve if there is no subcommand.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// What to do; the default is serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Files with settings, besides the environment.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Files {
    /// A TOML file with settings [default: $XDG_CONFIG_HOME/smtp-mcp-server/config.toml]
    #[arg(long = "config", help_heading = "Settings", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// A file with variables, one NAME=value a line
    #[arg(long = "env-file", help_heading = "Settings", value_name = "FILE", global = true)]
    pub env_file: Option<PathBuf>,
    /// Where mails are kept until they are sent: sqlite:PATH or memory [default: a file in the state directory]
    #[arg(long = "outbox", help_heading = "Settings", value_name = "PLACE", global = true)]
    pub outbox: Option<String>,
    /// A directory that attachments may come from by path; may be repeated [default: SMTP_ATTACHMENT_DIRS]
    #[arg(long = "attachment-dir", help_heading = "Settings", value_name = "DIR", global = true)]
    pub attachment_dirs: Vec<PathBuf>,
}

/// How to serve.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct ServeArgs {
    /// How clients connect [default: stdio]
    #[arg(long, value_enum)]
    pub transport: Option<Transport>,
    /// The address to listen on, for http [default: 127.0.0.1]
    #[arg(long)]
    pub host: Option<String>,
    /// The port to listen on, for http [default: 8000]
    #[arg(long)]
    pub port: Option<u16>,
    /// Serve without a usable configuration, for http: tools say what is wrong until a reload succeeds (stdio always does)
    #[arg(long)]
    pub allow_unconfigured: bool,
    /// Offer only these tools: names, or the groups send, status and admin
    #[arg(long, value_name = "TOOLS", value_delimiter = ',')]
    pub tools: Vec<String>,
    /// Do not offer these tools: names, or the groups send, status and admin
    #[arg(long, value_name = "TOOLS", value_delimiter = ',')]
    pub exclude_tools: Vec<String>,
    /// Send nothing and change nothing: offer only the tools that read
    #[arg(long)]
    pub read_only: bool,
}

/// How clients connect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// Standard input and output.
    #[default]
    Stdio,
    /// Streamable HTTP.
    Http,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve MCP clients (the same as no subcommand)
    Serve(ServeArgs),
    /// Send one mail, and wait for its outcome (exit code 0 only if it was sent to everyone)
    Send(Box<SendArgs>),
    /// Try each server without sending anything, and show the settings without secrets (exit code 0 only if all work)
    Check(CheckArgs),
    /// Sign in with OAuth at Microsoft, Google or another provider, and store the login
    Login(LoginArgs),
    /// Revoke and forget a stored login
    Logout(LogoutArgs),
    /// Stored logins
    Token(TokenArgs),
    /// The mails that wait, were sent or could not be sent
    Outbox(OutboxArgs),
    /// Stop all sending from the outbox, by every program, until `resume`; mails are still taken, and wait
    Pause,
    /// Go on sending after `pause`
    Resume,
    /// What the rules allow, and why
    Policy(PolicyArgs),
    /// Check the health of a server over HTTP (exit code 0 or 1)
    Health(HealthArgs),
    /// Receive mail and keep it as .eml files; nothing is forwarded
    #[cfg(feature = "capture")]
    Capture(Box<CaptureArgs>),
    /// Show a complete send, without an account or a network
    #[cfg(feature = "capture")]
    Demo(DemoArgs),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
    /// Print a manual page
    Man(ManArgs),
    /// Print the version
    Version(VersionArgs),
}

impl Args {
    /// Refuses options of `serve` before another subcommand, where they have no effect, and directories that cannot be a list.
    ///
    /// # Errors
    /// A usage error that names them.
    pub fn checked(self) -> Result<Self, clap::Error> {
        if let Err(error) = std::env::join_paths(&self.files.attachment_dirs) {
            let message = format!("--attachment-dir: {error}; name that directory in a TOML file instead");
            return Err(Self::command().error(ErrorKind::ValueValidation, message));
        }
        let serves = matches!(self.command, None | Some(Command::Serve(_)));
        let given = self.serve.given();
        if serves || given.is_empty() {
            return Ok(self);
        }
        let message = format!(
            "{} before this subcommand would have no effect; put a subcommand's own options after it",
            given.join(", ")
        );
        Err(Self::command().error(ErrorKind::ArgumentConflict, message))
    }
}

impl Files {
    /// The process's environment together with these files.
    pub fn origin(&self) -> ConfigSources {
        let mut sources = ConfigSources::of_process(self.config.clone(), self.env_file.clone());
        if let Some(outbox) = &self.outbox {
            sources.environment.insert("SMTP_MCP_OUTBOX".to_owned(), outbox.as_str().into());
        }
        if !self.attachment_dirs.is_empty()
            && let Ok(list) = std::env::join_paths(&self.attachment_dirs)
        {
            let list = list.to_string_lossy().into_owned();
            sources.environment.insert("SMTP_ATTACHMENT_DIRS".to_owned(), list.as_str().into());
        }
        sources
    }
}

impl ServeArgs {
    /// The subcommand's own arguments, completed by those `before` it.
    #[must_use]
    pub fn or(self, before: Self) -> Self {
        Self {
            transport: self.transport.or(before.transport),
            host: self.host.or(before.host),
            port: self.port.or(before.port),
            allow_unconfigured: self.allow_unconfigured || before.allow_unconfigured,
            read_only: self.read_only || before.read_only,
            tools: if self.tools.is_empty() { before.tools } else { self.tools },
            exclude_tools: if self.exclude_tools.is_empty() {
                before.exclude_tools
            } else {
                self.exclude_tools
            },
        }
    }

    /// The options that were given.
    fn given(&self) -> Vec<&'static str> {
        let options = [
            ("--transport", self.transport.is_some()),
            ("--host", self.host.is_some()),
            ("--port", self.port.is_some()),
            ("--allow-unconfigured", self.allow_unconfigured),
            ("--tools", !self.tools.is_empty()),
            ("--exclude-tools", !self.exclude_tools.is_empty()),
            ("--read-only", self.read_only),
        ];
        let given = options.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(name, _)| name).collect()
    }

    /// Puts what the arguments choose in the place of the variables.
    pub fn apply_to(&self, sources: &mut ConfigSources) {
        for (name, given) in
            [("SMTP_MCP_TOOLS", &self.tools), ("SMTP_MCP_EXCLUDE_TOOLS", &self.exclude_tools)]
        {
            if !given.is_empty() {
                sources.environment.insert(name.to_owned(), given.join(",").as_str().into());
            }
        }
        if self.read_only {
            sources.environment.insert("SMTP_MCP_READ_ONLY".to_owned(), "true".into());
        }
    }

    /// Where to listen.
    pub fn address(&self) -> (&str, u16) {
        (self.host.as_deref().unwrap_or("127.0.0.1"), self.port.unwrap_or(8000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("smtp-mcp-server").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_predecessors_lines_are_understood() {
        let args = parse("--transport http --host 0.0.0.0 --port 9000").unwrap();
        assert!(args.command.is_none());
        assert_eq!(args.serve.transport, Some(Transport::Http));
        assert_eq!((args.serve.host.as_deref(), args.serve.port), (Some("0.0.0.0"), Some(9000)));
        assert_eq!(args.serve.address(), ("0.0.0.0", 9000));
        assert_eq!(parse("--transport http").unwrap().serve.address(), ("127.0.0.1", 8000));
    }

    #[test]
    fn files_may_stand_before_and_after_the_subcommand() {
        for line in ["--config a.toml --env-file b.env check", "check --config a.toml --env-file b.env"] {
            let files = parse(line).unwrap().files;
            assert_eq!(
                (files.config, files.env_file),
                (Some("a.toml".into()), Some("b.env".into())),
                "{line}"
            );
        }
    }

    #[test]
    fn serve_takes_its_arguments_on_either_side() {
        for line in ["--transport http serve", "serve --transport http"] {
            let args = parse(line).unwrap();
            let Some(Command::Serve(own)) = args.command else { panic!("{line}") };
            assert_eq!(own.or(args.serve).transport, Some(Transport::Http), "{line}");
        }
    }

    #[test]
    fn how_to_serve_is_refused_before_another_subcommand() {
        for option in ["--transport http", "--host ::1", "--port 1"] {
            for (command, is_fine) in [
                ("", true),
                ("serve", true),
                ("check", false),
                ("health", false),
                ("capture", false),
                ("demo", false),
            ] {
                let line = format!("{option} {command}");
                let result = parse(&line).and_then(Args::checked);
                assert_eq!(result.is_ok(), is_fine, "{line}");
                let Err(error) = result else { continue };
                let name = option.split(' ').next().unwrap();
                assert!(error.to_string().contains(name), "{error}");
                assert_eq!(error.exit_code(), 2);
            }
        }
        let files = parse("--config a --env-file b check").and_then(Args::checked);
        assert!(files.is_ok());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for line in ["--transport sse", "--port 70000", "sned", "--prot 1"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
