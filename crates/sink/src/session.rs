//! One connection: the state that commands change, and the order in which they may come (RFC 5321 section 4.1.4).

mod actions;
mod auth;
mod content;
mod envelope;

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::behavior::{Behavior, Extension, Stage, Tls};
use crate::client_stream::{ClientStream, InputLine};
use crate::command::{self, Command};
use crate::content::Content;
use crate::event::{Event, EventKind};
use crate::reply::Reply;
use crate::shared::Shared;

/// RFC 5321 section 4.5.3.1.4, plus what the extensions add.
const COMMAND_LIMIT: usize = 2048;
/// RFC 4954 section 4.
const AUTH_LIMIT: usize = 12_288;

pub(crate) struct Session {
    stream: ClientStream,
    shared: Arc<Shared>,
    connection: u64,
    secured: bool,
    /// The greeting was negative: only QUIT is accepted.
    only_quit: bool,
    hello: Option<HelloKind>,
    login: Option<String>,
    transaction: Option<Transaction>,
    /// What the client did wrong since the last mail; recorded with the next one.
    defects: Vec<String>,
}

/// How the client introduced itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HelloKind {
    Ehlo,
    Helo,
}

/// A mail transaction.
struct Transaction {
    sender: String,
    recipients: Vec<String>,
    smtputf8: bool,
    body_8bit: bool,
    /// What BDAT has sent so far.
    chunks: Option<Content>,
}

/// How the session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continue,
    /// Sends what is queued and closes.
    Close,
    /// Closes without another reply.
    HangUp,
}

impl Session {
    pub(crate) fn new(stream: TcpStream, connection: u64, shared: Arc<Shared>) -> Self {
        // A failure costs only speed.
        let _ = stream.set_nodelay(true);
        Self {
            stream: ClientStream::new(stream),
            shared,
            connection,
            secured: false,
            only_quit: false,
            hello: None,
            login: None,
            transaction: None,
            defects: Vec::new(),
        }
    }

    /// The whole session. It also ends when the client disconnects.
    pub(crate) async fn run(mut self) {
        self.record(EventKind::Connected);
        let (connection, shared) = (self.connection, Arc::clone(&self.shared));
        let next = self.run_commands().await;
        let ended = match next {
            Ok(Flow::Close) => self.stream.close().await,
            _ => self.stream.flush().await,
        };
        if let Err(error) = next.and(ended) {
            tracing::debug!(connection, %error, "the connection ended");
        }
        let _ = shared.log.write(Event { connection, kind: EventKind::Closed });
    }

    async fn run_commands(&mut self) -> io::Result<Flow> {
        if self.behavior().tls == Tls::Implicit {
            self.secure().await?;
        }
        let mut next = self.greet().await?;
        while next == Flow::Continue {
            let line = timeout(self.behavior().idle, self.stream.line(AUTH_LIMIT)).await;
            next = match line {
                Ok(line) => self.handle(line?).await?,
                Err(_) => self.send_reply(Reply::new(421, "4.4.2", "idle for too long")),
            };
        }
        Ok(next)
    }

    async fn greet(&mut self) -> io::Result<Flow> {
        let default_reply = Reply::bare(220, vec![format!("{} ESMTP smtp-sink", self.behavior().name)]);
        let reply = self.reply_at(Stage::Greeting, default_reply).await?;
        self.only_quit = !reply.is_positive();
        Ok(self.send_reply(reply))
    }

    async fn handle(&mut self, line: InputLine) -> io::Result<Flow> {
        let too_long = || Reply::new(500, "5.5.2", "the line is too long");
        let line = match line {
            InputLine::Whole(line) => line,
            InputLine::TooLong => return Ok(self.send_reply(too_long())),
            InputLine::BareLf => {
                self.defect("a command line ended with LF alone");
                return Ok(self.send_reply(Reply::new(500, "5.5.2", "a line must end with CRLF")));
            }
        };
        let command = command::parse(&line);
        self.record(EventKind::Command(readable(&line, command.as_ref().ok())));
        let is_auth = matches!(command, Ok(Command::Auth { .. }));
        if line.len() > COMMAND_LIMIT && !is_auth {
            return Ok(self.send_reply(too_long()));
        }
        match command {
            Ok(command) => self.dispatch(command).await,
            Err(reply) => Ok(self.send_reply(reply)),
        }
    }

    async fn dispatch(&mut self, command: Command) -> io::Result<Flow> {
        if self.only_quit && command != Command::Quit {
            return Ok(self.send_reply(Reply::new(503, "5.5.1", "only QUIT is possible")));
        }
        self.check_pipelining(&command);
        match command {
            Command::Ehlo => self.ehlo().await,
            Command::Helo => self.helo().await,
            Command::StartTls => self.starttls().await,
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial).await,
            Command::Mail { path, parameters } => self.mail(path, &parameters).await,
            Command::Rcpt { path, parameters } => self.rcpt(path, &parameters).await,
            Command::Data => self.data().await,
            Command::Bdat { size, last } => self.bdat(size, last).await,
            Command::Rset => self.rset().await,
            Command::Noop => {
                let default_reply = Reply::new(250, "2.0.0", "nothing done");
                let reply = self.reply_at(Stage::Noop, default_reply).await?;
                Ok(self.send_reply(reply))
            }
            Command::Vrfy => Ok(self.send_reply(Reply::new(252, "2.5.1", "send mail and see"))),
            Command::Help => Ok(self.send_reply(Reply::new(214, "2.0.0", "see RFC 5321"))),
            Command::Quit => self.quit().await,
        }
    }

    /// Without PIPELINING nothing may follow a command before its reply; with it, some commands end a group (RFC 2920
    /// section 3.1). BDAT is followed by its chunk, and STARTTLS has its own check.
    fn check_pipelining(&mut self, command: &Command) {
        let ends_group = match command {
            Command::Bdat { .. } | Command::StartTls => false,
            Command::Mail { .. } | Command::Rcpt { .. } | Command::Rset => {
                !self.offers(Extension::Pipelining)
            }
            _ => true,
        };
        if ends_group && !self.stream.buffered().is_empty() {
            self.defect("something was sent before the reply to a command that ends a group");
        }
    }

    async fn ehlo(&mut self) -> io::Result<Flow> {
        let behavior = self.behavior();
        let offered = Extension::ALL.into_iter().filter(|extension| self.may_offer(*extension));
        let lines = offered.map(|extension| capability(extension, &behavior));
        let lines = std::iter::once(behavior.name.clone()).chain(lines).collect();
        let reply = self.reply_at(Stage::Ehlo, Reply::bare(250, lines)).await?;
        Ok(self.accept_hello(HelloKind::Ehlo, reply))
    }

    async fn helo(&mut self) -> io::Result<Flow> {
        let default_reply = Reply::bare(250, vec![self.behavior().name.clone()]);
        let reply = self.reply_at(Stage::Helo, default_reply).await?;
        Ok(self.accept_hello(HelloKind::Helo, reply))
    }

    fn accept_hello(&mut self, hello: HelloKind, reply: Reply) -> Flow {
        if reply.is_positive() {
            self.hello = Some(hello);
            self.transaction = None;
        }
        self.send_reply(reply)
    }

    async fn rset(&mut self) -> io::Result<Flow> {
        let reply = self.reply_at(Stage::Rset, Reply::new(250, "2.0.0", "forgotten")).await?;
        if reply.is_positive() {
            self.transaction = None;
        }
        Ok(self.send_reply(reply))
    }

    async fn quit(&mut self) -> io::Result<Flow> {
        let reply = self.reply_at(Stage::Quit, Reply::new(221, "2.0.0", "goodbye")).await?;
        let done = reply.is_positive();
        let next = self.send_reply(reply);
        Ok(if done { Flow::Close } else { next })
    }

    /// RFC 3207. Plaintext behind the command could be somebody else's: the connection ends (section 5).
    async fn starttls(&mut self) -> io::Result<Flow> {
        if self.secured {
            return Ok(self.send_reply(Reply::new(503, "5.5.1", "TLS is active")));
        }
        if !self.offers(Extension::StartTls) {
            return Ok(self.send_reply(Reply::new(502, "5.5.1", "STARTTLS is not offered")));
        }
        let reply = self.reply_at(Stage::StartTls, Reply::new(220, "2.0.0", "go ahead")).await?;
        if !reply.is_positive() {
            return Ok(self.send_reply(reply));
        }
        if !self.stream.buffered().is_empty() {
            self.defect("plaintext was sent after STARTTLS");
            self.send_reply(Reply::new(554, "5.7.0", "plaintext after STARTTLS"));
            return Ok(Flow::Close);
        }
        self.send_reply(reply);
        self.secure().await?;
        Ok(Flow::Continue)
    }

    /// The handshake; everything known from before is discarded (RFC 3207 section 4.2).
    async fn secure(&mut self) -> io::Result<()> {
        let acceptor = self.shared.acceptor.clone();
        let idle = self.behavior().idle;
        let done =
            timeout(idle, self.stream.secure(&acceptor)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        if let Err(error) = &done {
            self.record(EventKind::HandshakeFailed(error.to_string()));
        }
        done?;
        self.record(EventKind::Secured);
        self.secured = true;
        self.hello = None;
        self.login = None;
        self.transaction = None;
        Ok(())
    }

    fn behavior(&self) -> Arc<Behavior> {
        self.shared.behavior()
    }

    /// Whether the client may use this now.
    fn offers(&self, extension: Extension) -> bool {
        self.hello == Some(HelloKind::Ehlo) && self.may_offer(extension)
    }

    /// Whether EHLO names this now.
    fn may_offer(&self, extension: Extension) -> bool {
        let behavior = self.behavior();
        let possible = match extension {
            Extension::StartTls => !self.secured,
            Extension::Auth => self.secured || behavior.tls == Tls::None,
            _ => true,
        };
        possible && behavior.offers(extension)
    }

    /// Queues a reply. A 421 announces the end of the connection (RFC 5321 section 3.8).
    #[expect(clippy::needless_pass_by_value, reason = "a reply is said once")]
    fn send_reply(&mut self, reply: Reply) -> Flow {
        let behavior = self.behavior();
        let bytes = reply.wire(behavior.offers(Extension::EnhancedStatusCodes));
        self.stream.queue(bytes, reply.pause.or(behavior.drip));
        if reply.code == 421 { Flow::Close } else { Flow::Continue }
    }

    /// Records an event. An error of the event sink matters only at the mail, which calls it directly.
    fn record(&self, kind: EventKind) {
        let _ = self.shared.log.write(Event { connection: self.connection, kind });
    }

    fn defect(&mut self, what: &str) {
        self.record(EventKind::Defect(what.to_owned()));
        self.defects.push(what.to_owned());
    }
}

/// How EHLO names an extension.
fn capability(extension: Extension, behavior: &Behavior) -> String {
    let keyword = extension.keyword();
    match extension {
        Extension::Size => format!("{keyword} {}", behavior.max_size),
        Extension::Auth => {
            behavior.mechanisms.iter().fold(keyword.to_owned(), |all, one| all + " " + one.name())
        }
        _ => keyword.to_owned(),
    }
}

/// A command line for the log: what could be a secret is left out.
fn readable(line: &[u8], command: Option<&Command>) -> String {
    let line = String::from_utf8_lossy(line);
    match command {
        Some(Command::Auth { mechanism, .. }) => format!("AUTH {mechanism}"),
        None if line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("AUTH")) => "AUTH".to_owned(),
        _ => line.into_owned(),
    }
}
