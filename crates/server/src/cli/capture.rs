//! `capture`: an SMTP server that shows what a program sends. Nothing leaves the machine.

pub(super) mod keep;
mod show;

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use smtp_sink::{AfterData, Behavior, Event, EventKind, EventSink, Extension, Rule, Sink, Tls, Wait};
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::Clock;
use crate::mcp::{CaptureHandler, CapturedMails};
use crate::transport::serve_handler;
use keep::Folder;

/// Receives mail and keeps it as files; nothing is forwarded. For testing, never for an open network.
#[derive(Debug, Args)]
pub struct CaptureArgs {
    /// The address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:2525", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// The directory for mails: an .eml with the bytes as received, a .json with the envelope.
    #[arg(long, default_value = "./captured-mail")]
    dir: PathBuf,
    /// Write JSON lines instead of text.
    #[arg(long)]
    json: bool,
    /// Serve the captured mails as MCP tools on stdin and stdout: list, get, wait for a mail, clear.
    #[arg(long, conflicts_with = "json")]
    mcp: bool,
    /// How connections are encrypted.
    #[arg(long, value_enum, default_value_t = TlsMode::None)]
    tls: TlsMode,
    /// Where to write the CA certificate generated for this run, as PEM; DIR/ca.pem if TLS is on.
    #[arg(long, value_name = "PATH")]
    ca_file: Option<PathBuf>,
    /// Accept mail only after a login as this user. Other users of this machine can see it in the process list: make one
    /// up, and never use the password of a real account here.
    #[arg(long, value_name = "USER:PASSWORD")]
    login: Option<String>,
    /// Refuse matching recipients with 550. `*` stands for any run of characters.
    #[arg(long, value_name = "GLOB")]
    refuse: Vec<String>,
    /// Defer matching recipients with 451.
    #[arg(long, value_name = "GLOB")]
    defer: Vec<String>,
    /// Close the connection at matching recipients with 421.
    #[arg(long, value_name = "GLOB")]
    disconnect: Vec<String>,
    /// What to do after the final dot.
    #[arg(long, value_enum, default_value_t = AfterDot::Answer, value_name = "WHAT")]
    after_dot: AfterDot,
    /// Wait this long after the final dot.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    answer_after: Option<Duration>,
    /// Send this reply after the final dot, such as "452 4.3.1 disk full". The mail is kept if it is a 2xx.
    #[arg(long, value_name = "REPLY", value_parser = reply)]
    end_reply: Option<String>,
    /// Misbehave at a stage, such as "rcpt:bad*@* reply 550 5.1.1 no" or "data 2nd reset"; see --help.
    #[arg(long, value_name = "RULE", long_help = Rule::HELP)]
    at: Vec<Rule>,
    /// Leave an extension out, such as PIPELINING or STARTTLS.
    #[arg(long, value_name = "EXTENSION", value_parser = extension)]
    without: Vec<Extension>,
    /// Offer an extension that is off by default: CHUNKING.
    #[arg(long, value_name = "EXTENSION", value_parser = extension)]
    with: Vec<Extension>,
    /// The largest mail to accept.
    #[arg(long, value_name = "BYTES")]
    max_size: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TlsMode {
    /// Plaintext only.
    None,
    /// On request (RFC 3207).
    Starttls,
    /// Implicit TLS.
    Implicit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AfterDot {
    /// Keep the mail and reply 250.
    Answer,
    /// Keep the mail and drop the connection without a reply.
    DropKept,
    /// Discard the mail and drop the connection without a reply.
    DropLost,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn reply(text: &str) -> Result<String, String> {
    let code = text.split([' ', '-']).next().unwrap_or_default();
    match code.len() == 3 && code.parse().is_ok_and(|code: u16| (200..600).contains(&code)) {
        true => Ok(text.to_owned()),
        false => Err("a reply begins with three digits, as in \"452 4.3.1 disk full\"".to_owned()),
    }
}

fn extension(text: &str) -> Result<Extension, String> {
    Extension::named(text).ok_or_else(|| {
        let known: Vec<_> = Extension::ALL.into_iter().map(Extension::keyword).collect();
        format!("expected one of {}", known.join(", "))
    })
}

/// Listens until SIGINT or SIGTERM, with `--mcp` also until the end of stdin; then the exit code is 0.
///
/// # Errors
/// The folder cannot be created, the CA or stdout cannot be written, or the address cannot be bound.
pub async fn capture(args: CaptureArgs) -> anyhow::Result<ExitCode> {
    // Before anything is announced: a reader of the announcement may send a signal at once.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let behavior = behavior(&args)?;
    let mut folder = Folder::open(&args.dir, Clock::System).with_context(|| cannot("use", &args.dir))?;
    let (json, delayed, mails) = (args.json, args.answer_after.is_some(), CapturedMails::default());
    let event_sink: EventSink = if args.mcp {
        let mails = mails.clone();
        Box::new(move |event| remember(event, &mut folder, &mails))
    } else {
        Box::new(move |event| event_sink(event, &mut folder, json, delayed, &mut io::stdout()))
    };
    let sink = Sink::start_with(behavior, event_sink).await.with_context(|| {
        format!("cannot listen on {}; is something else there? Try --listen 127.0.0.1:0", args.listen)
    })?;
    let ca_file = write_ca(&args, &sink)?;
    let announcement = show::listening(sink.addr(), ca_file.as_deref(), &args.dir, json);
    if args.mcp {
        // stdout belongs to the client.
        print(&mut io::stderr(), &announcement)?;
    } else {
        print(&mut io::stdout(), &announcement)?;
    }
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    if args.mcp {
        let handler = CaptureHandler::new(mails.clone(), sink.addr());
        serve_handler(handler, stop, move || mails.end_waits()).await;
    } else {
        stop.await;
    }
    Ok(ExitCode::SUCCESS)
}

fn cannot(verb: &str, path: &Path) -> String {
    format!("cannot {verb} {}", path.display())
}

/// The sink's behavior as the arguments describe it.
fn behavior(args: &CaptureArgs) -> anyhow::Result<Behavior> {
    let mut behavior = Behavior { listen: args.listen, ..Behavior::default() };
    behavior.tls = match args.tls {
        TlsMode::None => Tls::None,
        TlsMode::Starttls => Tls::StartTls,
        TlsMode::Implicit => Tls::Implicit,
    };
    behavior.max_size = args.max_size.unwrap_or(behavior.max_size);
    if let Some(login) = &args.login {
        let (user, password) = login.split_once(':').context("--login: expected USER:PASSWORD")?;
        behavior = behavior.login(user, password);
    }
    behavior.rules.clone_from(&args.at);
    behavior = args.refuse.iter().fold(behavior, |behavior, glob| behavior.refuse(glob));
    behavior = args.defer.iter().fold(behavior, |behavior, glob| behavior.defer(glob));
    behavior = args.disconnect.iter().fold(behavior, |behavior, glob| behavior.disconnect(glob));
    behavior = args.with.iter().fold(behavior, |behavior, extension| behavior.with(*extension));
    behavior = args.without.iter().fold(behavior, |behavior, extension| behavior.without(*extension));
    Ok(behavior.after_data(after_data(args)?).wait(args.answer_after.map_or(Wait::No, Wait::For)))
}

fn after_data(args: &CaptureArgs) -> anyhow::Result<AfterData> {
    match (args.after_dot, &args.end_reply) {
        (AfterDot::Answer, Some(reply)) => Ok(AfterData::Reply(reply.clone())),
        (_, Some(_)) => {
            anyhow::bail!("--end-reply needs a reply, and --after-dot drops it: give one of them")
        }
        (AfterDot::Answer, None) => Ok(AfterData::Accept),
        (AfterDot::DropKept, None) => Ok(AfterData::DropKept),
        (AfterDot::DropLost, None) => Ok(AfterData::DropLost),
    }
}

/// Writes the CA's PEM if TLS is on. Returns its absolute path.
fn write_ca(args: &CaptureArgs, sink: &Sink) -> anyhow::Result<Option<PathBuf>> {
    let path = args.ca_file.clone().unwrap_or_else(|| args.dir.join("ca.pem"));
    match sink.ca_pem() {
        Some(pem) if args.tls != TlsMode::None => {
            fs::write(&path, pem).with_context(|| cannot("write", &path))?;
            Ok(Some(std::path::absolute(path)?))
        }
        _ => Ok(None),
    }
}

/// Keeps the mail, if the event is one, and shows the event.
fn event_sink(
    event: &Event,
    folder: &mut Folder,
    json: bool,
    delayed: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let kept = folder.keep(event)?;
    let line =
        if json { show::json(event, kept.as_ref(), delayed) } else { show::text(event, kept.as_ref()) };
    match line {
        Some(line) => print(out, &line),
        None => Ok(()),
    }
}

/// Keeps the mail, if the event is one, for the tools. Nothing is shown: a client that does not read stderr must not stop the server.
fn remember(event: &Event, folder: &mut Folder, mails: &CapturedMails) -> io::Result<()> {
    if let (Some(kept), EventKind::Mail(mail)) = (folder.keep(event)?, &event.kind) {
        mails.add(show::remembered(mail, &kept));
    }
    Ok(())
}

/// Writes one line and flushes it: a reader may be waiting for it.
fn print(out: &mut dyn Write, line: &str) -> io::Result<()> {
    writeln!(out, "{line}")?;
    out.flush()
}

#[cfg(test)]
#[path = "capture/tests.rs"]
mod tests;
