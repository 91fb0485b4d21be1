//! The real program as a child process: where it listens, what it logs, how it ends.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use smtp_sink::{Behavior, Sink};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;

pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    child: Child,
    log: watch::Receiver<String>,
    _folder: tempfile::TempDir,
}

/// A program on `--port 0` in front of a sink of that behavior.
pub(crate) async fn with_sink(behavior: Behavior, more: &[(&str, &str)]) -> (Program, Sink) {
    let sink = Sink::start(behavior).await.unwrap();
    let (host, port) = (sink.addr().ip().to_string(), sink.addr().port().to_string());
    let mut environment = vec![
        ("SMTP_HOST", host.as_str()),
        ("SMTP_PORT", port.as_str()),
        ("SMTP_USE_TLS", "false"),
        ("SMTP_FROM_EMAIL", "grace@sender.example"),
    ];
    environment.extend(more);
    (Program::start(&[], &environment).await, sink)
}

impl Program {
    pub(crate) async fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_smtp-mcp-server"));
        command.args(["--transport", "http", "--port", "0"]).args(arguments);
        command
            .env_clear()
            .env("HOME", folder.path())
            .envs(environment.iter().copied())
            .current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let log = follow(child.stderr.take().unwrap());
        let mut program =
            Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), child, log, _folder: folder };
        let said = program.logged("url=\"http://").await;
        let (_, url) = said.split_once("url=\"http://").unwrap();
        let (authority, _) = url.split_once("/mcp\"").unwrap();
        let port = authority.rsplit_once(':').unwrap().1.parse().unwrap();
        program.address.set_port(port);
        program
    }

    /// The log, as soon as it contains `words`.
    pub(crate) async fn logged(&mut self, words: &str) -> String {
        let found = self.log.wait_for(|log| log.contains(words)).await;
        found.unwrap_or_else(|_| panic!("it ended without a word of {words:?}")).clone()
    }

    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let done = Command::new("kill").args(["-s", name, &pid]).status().await.unwrap();
        assert!(done.success());
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }
}

fn follow(stderr: ChildStderr) -> watch::Receiver<String> {
    let (said, log) = watch::channel(String::new());
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            said.send_modify(|log| {
                log.push_str(&line);
                log.push('\n');
            });
        }
    });
    log
}
