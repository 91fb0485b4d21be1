//! The fixture: a new folder, the capture server, and this program as a child process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rmcp::transport::TokioChildProcess;
use smtp_sink::{Behavior, Event, EventKind, Mail, Sink};
use tokio::process::Command;

use super::sample_message;
use crate::cli::capture::keep::Folder;
use crate::clock::Clock;

pub(super) const USER: &str = "ada";
/// Not a secret: the account exists only in this process.
const PASSWORD: &str = "only-for-the-demo";

pub(super) struct Fixture {
    folder: PathBuf,
    sink: Sink,
    clock: Clock,
}

impl Fixture {
    /// Creates the folder with what the mail needs, and starts the capture server.
    pub(super) async fn set(clock: Clock) -> anyhow::Result<Self> {
        let folder = fresh_folder(&clock)?;
        fs::create_dir(folder.join("attachments"))?;
        fs::write(folder.join("attachments").join(sample_message::CSV_NAME), sample_message::CSV)?;
        let behavior = Behavior::default().starttls().login(USER, PASSWORD).refuse(sample_message::UNKNOWN);
        let sink = Sink::start(behavior).await.context("the capture server cannot start")?;
        let fixture = Self { folder, sink, clock };
        fs::write(fixture.ca_file(), fixture.sink.ca_pem().unwrap_or_default())?;
        Ok(fixture)
    }

    pub(super) fn port(&self) -> u16 {
        self.sink.addr().port()
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// This program, serving on stdio, its log in a file. Its environment contains only the demo's settings, so that no account
    /// of the user is used.
    pub(super) fn child(&self) -> anyhow::Result<TokioChildProcess> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .env_clear()
            .current_dir(&self.folder)
            .env("SMTP_HOST", "localhost")
            .env("SMTP_PORT", self.port().to_string())
            .env("SMTP_CA_FILE", self.ca_file())
            .env("SMTP_USERNAME", USER)
            .env("SMTP_PASSWORD", PASSWORD)
            .env("SMTP_FROM_EMAIL", format!("Ada Demo <{}>", sample_message::SENDER))
            .env("SMTP_MCP_STATE_DIR", self.folder.join("state"))
            .env("SMTP_ATTACHMENT_DIRS", self.folder.join("attachments"));
        let log = File::create(self.log_file())?;
        let (child, _) =
            TokioChildProcess::builder(command).stderr(log).spawn().context("the child cannot start")?;
        Ok(child)
    }

    pub(super) fn mails(&self) -> Vec<Arc<Mail>> {
        self.sink.mails()
    }

    /// Writes what arrived into the folder; returns the absolute paths.
    pub(super) fn keep_mails(&self) -> io::Result<Vec<PathBuf>> {
        let mut folder = Folder::open(&self.folder, self.clock.clone())?;
        let mut keep = |mail: Arc<Mail>| {
            let event = Event { connection: mail.connection, kind: EventKind::Mail(mail) };
            folder.keep(&event).map(|kept| kept.map(|kept| kept.file))
        };
        self.mails().into_iter().filter_map(|mail| keep(mail).transpose()).collect()
    }
}

/// `<temporary files>/smtp-mcp-demo-<process>-<time>`; private, and kept at the end.
fn fresh_folder(clock: &Clock) -> anyhow::Result<PathBuf> {
    let name = format!("smtp-mcp-demo-{}-{}", std::process::id(), clock.now().format("%Y%m%d-%H%M%S"));
    let folder = std::path::absolute(std::env::temp_dir())?.join(name);
    make_private(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(folder)
}
