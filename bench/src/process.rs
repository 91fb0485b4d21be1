//! A program under test: started with its own environment, its log in a file, killed when dropped.

use std::fs::File;
use std::io::{Read, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// The program, or what it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    Empty,
}

impl Program {
    pub(crate) const BOTH: [Self; 2] = [Self::Ours, Self::Empty];

    /// A tool of it that takes no arguments and waits for nothing.
    pub(crate) fn idle_tool(self) -> &'static str {
        match self {
            Self::Ours => "get_smtp_status",
            Self::Empty => "nothing",
        }
    }

    /// Built in the same directory as this one.
    pub(crate) fn path(self) -> Result<PathBuf> {
        let name = match self {
            Self::Ours => "smtp-mcp-server",
            Self::Empty => "smtp-bench-empty",
        };
        let own = std::env::current_exe()?;
        let path = own.with_file_name(name).with_extension(std::env::consts::EXE_EXTENSION);
        if !path.exists() {
            bail!("{name} is not beside {}: run `cargo xtask bench`", own.display());
        }
        Ok(path)
    }
}

/// A running program, and both ends of its streams if it has a client.
pub(crate) struct Process {
    child: Child,
    log: File,
    _home: tempfile::TempDir,
}

/// The client's side of a program's standard streams.
pub(crate) struct Streams {
    pub(crate) to: Box<dyn Write>,
    pub(crate) from: Box<dyn Read>,
}

/// Where mail goes: settings of the program.
pub(crate) type Settings = [(&'static str, String)];

/// Settings that are valid and never used, with the default encryption and the platform's certificates.
pub(crate) fn unused() -> Vec<(&'static str, String)> {
    vec![("SMTP_HOST", "mail.example.org".to_owned()), ("SMTP_FROM_EMAIL", "ada@example.org".to_owned())]
}

/// What connects client and program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Between {
    /// Two pipes, as most launchers make them.
    Pipes,
    /// Two socket pairs, as Node gives its children.
    SocketPairs,
}

impl Process {
    /// Starts a program with a client at its standard streams.
    pub(crate) fn with_client(
        program: Program,
        settings: &Settings,
        between: Between,
    ) -> Result<(Self, Streams)> {
        match between {
            Between::Pipes => Self::with_pipes(program, settings),
            Between::SocketPairs => Self::with_socket_pairs(program, settings),
        }
    }

    fn with_pipes(program: Program, settings: &Settings) -> Result<(Self, Streams)> {
        Self::of(Command::new(program.path()?), settings)
    }

    /// Starts the program of a command with a client.
    pub(crate) fn of(command: Command, settings: &Settings) -> Result<(Self, Streams)> {
        let mut process = Self::start(command, &[], settings, |command| {
            command.stdin(Stdio::piped()).stdout(Stdio::piped())
        })?;
        let to = Box::new(process.child.stdin.take().context("no stdin")?);
        let from = Box::new(process.child.stdout.take().context("no stdout")?);
        Ok((process, Streams { to, from }))
    }

    #[cfg(unix)]
    fn with_socket_pairs(program: Program, settings: &Settings) -> Result<(Self, Streams)> {
        use std::os::fd::OwnedFd;
        use std::os::unix::net::UnixStream;
        let (to, stdin) = UnixStream::pair()?;
        let (from, stdout) = UnixStream::pair()?;
        let process = Self::start(Command::new(program.path()?), &[], settings, |command| {
            command.stdin(OwnedFd::from(stdin)).stdout(OwnedFd::from(stdout))
        })?;
        Ok((process, Streams { to: Box::new(to), from: Box::new(from) }))
    }

    #[cfg(not(unix))]
    fn with_socket_pairs(_: Program, _: &Settings) -> Result<(Self, Streams)> {
        bail!("this system has no socket pairs");
    }

    /// Starts a program that serves HTTP, and finds out where.
    pub(crate) fn over_http(program: Program, settings: &Settings) -> Result<(Self, String)> {
        let arguments: &[&str] = match program {
            Program::Ours => &["--transport", "http", "--port", "0"],
            Program::Empty => &["http"],
        };
        let command = Command::new(program.path()?);
        let mut process = Self::start(command, arguments, settings, |command| command.stdin(Stdio::null()))?;
        let address = process.address()?;
        Ok((process, address))
    }

    fn start(
        mut command: Command,
        arguments: &[&str],
        settings: &Settings,
        connect: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let log = home.path().join("log");
        command.args(arguments).current_dir(home.path()).env_clear().env("HOME", home.path());
        command.envs(settings.iter().cloned());
        connect(&mut command).stderr(File::create(&log)?);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { child, log: open(&log)?, _home: home })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it logged so far.
    pub(crate) fn log(&mut self) -> Result<String> {
        let mut text = String::new();
        self.log.rewind()?;
        self.log.read_to_string(&mut text)?;
        Ok(text)
    }

    /// HOST:PORT, as its log names it.
    fn address(&mut self) -> Result<String> {
        for _ in 0..1000 {
            let log = self.log()?;
            let url = log.split_once("url=\"http://").and_then(|(_, rest)| rest.split_once("/mcp\""));
            if let Some((address, _)) = url {
                return Ok(address.to_owned());
            }
            if self.child.try_wait()?.is_some() {
                bail!("the program ended: {log}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the program names no URL")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(log: &Path) -> Result<File> {
    File::open(log).with_context(|| log.display().to_string())
}
