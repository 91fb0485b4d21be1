//! The contestants, each a program of its own that is told where to send how much.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use super::Peers;
use super::lab::{Lab, PASSWORD, Place, USER};
use super::options::{Link, Mode};
use crate::stopwatch;

/// A client of SMTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contestant {
    Engine(Mode),
    Lettre,
    Nodemailer,
    Smtplib,
    SmtpSource,
}

/// What is sent where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub(crate) place: Place,
    pub(crate) port: u16,
    pub(crate) link: Link,
    pub(crate) connections: usize,
    pub(crate) messages: usize,
    pub(crate) size: usize,
}

/// How long it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// To the end of the first message, in seconds.
    pub(crate) first: f64,
    /// All further messages, in seconds.
    pub(crate) others: f64,
}

impl Contestant {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Engine(Mode::Bulk) => "this engine, 16 callers a connection",
            Self::Engine(_) => "this engine",
            Self::Lettre => "lettre",
            Self::Nodemailer => "nodemailer",
            Self::Smtplib => "smtplib (Python)",
            Self::SmtpSource => "smtp-source (Postfix)",
        }
    }

    /// Sends, in a process of its own.
    pub(crate) fn run(self, task: Task, peers: Option<&Peers>, ca: Option<&Path>) -> Result<Taken> {
        if self == Self::SmtpSource {
            return smtp_source(task);
        }
        let own = std::env::current_exe()?;
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let peers = || peers.context("the peers were not built");
        let (program, script) = match self {
            Self::Engine(_) | Self::SmtpSource => (own.as_path(), None),
            Self::Lettre => (peers()?.lettre.as_path(), None),
            Self::Nodemailer => (peers()?.node.as_path(), Some(scripts.join("nodemailer_peer.mjs"))),
            Self::Smtplib => (Path::new("python3"), Some(scripts.join("smtplib_peer.py"))),
        };
        let mut command = Lab::command(task.place, program.to_str().context("the path is not UTF-8")?);
        command.args(script);
        if let Self::Engine(mode) = self {
            let mode = mode.to_possible_value().context("no such mode")?;
            command.args(["engine", "--mode", mode.get_name()]);
        }
        let link = task.link.to_possible_value().context("no such link")?;
        command.args([task.place.server(), &task.port.to_string(), link.get_name()]);
        command.args([task.connections, task.messages, task.size].map(|number| number.to_string()));
        command.arg(ca.unwrap_or(Path::new("-"))).args([USER, PASSWORD]);
        if self == Self::Nodemailer {
            command.arg(&peers()?.nodemailer);
        }
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let figures: Vec<f64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
        match (output.status.success(), figures.as_slice()) {
            (true, [first, others]) => Ok(Taken { first: *first, others: *others }),
            _ => bail!("{}: {text} {}", self.name(), String::from_utf8_lossy(&output.stderr)),
        }
    }
}

/// It opens its connections for every run, so what that takes is measured by a run with a message for each, and subtracted.
fn smtp_source(task: Task) -> Result<Taken> {
    let run = |messages: usize| -> Result<f64> {
        let mut command = Lab::command(task.place, "smtp-source");
        command.args(["-d", "-f", "a@lab.test", "-t", "b@lab.test"]);
        command.args(["-s", &task.connections.to_string(), "-m", &messages.to_string()]);
        command.args(["-l", &task.size.to_string()]);
        command.arg(format!("{}:{}", task.place.server(), task.port));
        let (took, output) = stopwatch::time(|| command.output());
        let output = output?;
        if !output.status.success() {
            bail!("smtp-source: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(took.as_secs_f64())
    };
    let first = run(task.connections)?;
    let others = (run(task.messages + task.connections)? - first).max(f64::EPSILON);
    Ok(Taken { first, others })
}
