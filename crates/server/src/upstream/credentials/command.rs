//! Commands of the user that print a password or an access token.

use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::config::CommandLine;
use crate::file::too_many::explained;
use crate::oauth::token::is_token;
use crate::oauth::{AccessToken, TokenError, TokenSource};

/// How long a command may take: a call must be answered within a minute.
const TIMEOUT: Duration = Duration::from_secs(20);

/// More than any command has to say, in bytes.
const MAX_OUTPUT: u64 = 64 << 10;

/// A command that prints an access token.
pub(super) struct TokenCommand {
    pub(super) command: CommandLine,
    pub(super) clock: Clock,
}

/// What it may print, besides the bare token.
#[derive(Deserialize)]
struct Printed {
    access_token: String,
    #[serde(default)]
    expires_in: serde_json::Value,
}

impl TokenSource for TokenCommand {
    async fn fetch(&self, _: Option<&SecretString>) -> Result<AccessToken, TokenError> {
        let now = self.clock.now().to_utc();
        let token = async {
            let output = run(&self.command).await?;
            let text = output.trim();
            if text.starts_with('{') {
                let Printed { access_token, expires_in } = serde_json::from_str(text)
                    .map_err(|_| "what it printed is not JSON with an access_token".to_owned())?;
                return Ok((Zeroizing::new(access_token), crate::oauth::token::seconds(&expires_in)));
            }
            // A token of unknown lifetime is asked for at each login.
            Ok((Zeroizing::new(text.to_owned()), Some(0)))
        };
        let failed = |reason: String| TokenError {
            reason: format!("SMTP_TOKEN_COMMAND: {reason}"),
            is_permanent: false,
        };
        let (token, lifetime) = token.await.map_err(failed)?;
        if !is_token(&token) {
            return Err(failed("what it printed is not an access token".to_owned()));
        }
        Ok(AccessToken::issued(token.as_str().into(), lifetime, now))
    }
}

/// The first line that the command prints.
pub(super) async fn first_line(command: &CommandLine) -> Result<SecretString, String> {
    let output = run(command).await?;
    let line = output.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err("it printed nothing".to_owned());
    }
    Ok(line.into())
}

/// What the command prints. It reads nothing: our input belongs to the MCP client.
async fn run(command: &CommandLine) -> Result<Zeroizing<String>, String> {
    let mut process = process(command);
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let child = process.spawn().map_err(|error| format!("it cannot be started: {}", explained(error)))?;
    let mut group = ProcessGroup(child);
    match timeout(TIMEOUT, output(&mut group.0)).await {
        Ok(output) => output,
        Err(_) => Err(format!("it took more than {} s", TIMEOUT.as_secs())),
    }
}

fn process(command: &CommandLine) -> Command {
    match command {
        CommandLine::Shell(line) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(line);
            shell
        }
        CommandLine::Program(words) => {
            let mut program = Command::new(words.first().map_or("", String::as_str));
            program.args(words.iter().skip(1));
            program
        }
    }
}

async fn output(child: &mut Child) -> Result<Zeroizing<String>, String> {
    // Large enough for any token, so that growing leaves no copy behind.
    let mut output = Zeroizing::new(Vec::with_capacity(16 << 10));
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(MAX_OUTPUT + 1).read_to_end(&mut output).await;
        read.map_err(|error| format!("its output cannot be read: {error}"))?;
    }
    if output.len() as u64 > MAX_OUTPUT {
        return Err(format!("it printed more than {MAX_OUTPUT} bytes"));
    }
    let status = child.wait().await.map_err(|error| format!("its end cannot be seen: {error}"))?;
    if !status.success() {
        return Err(format!("it failed ({status}); run it by hand to see why"));
    }
    let text = std::str::from_utf8(&output).map_err(|_| "what it printed is not text".to_owned())?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A command and all that it started. Whatever is left of them is killed when this is dropped.
struct ProcessGroup(Child);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let id = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
