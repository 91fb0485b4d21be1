//! One connection: the state that commands change, and the order in which they may come (RFC 5321 section 4.1.4).

mod auth;
mod content;
mod envelope;
mod misbehaviour;

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::command::{self, Command};
use crate::content::Content;
use crate::manner::{Extension, Manner, Moment, Tls};
use crate::record::{Event, What};
use crate::reply::Reply;
use crate::sink::Shared;
use crate::wire::{Line, Wire};

/// RFC 5321 section 4.5.3.1.4 and what the extensions add to it.
const COMMAND_LIMIT: usize = 2048;
/// RFC 4954 section 4.
const AUTH_LIMIT: usize = 12_288;

pub(crate) struct Session {
    wire: Wire,
    shared: Arc<Shared>,
    connection: u64,
    secured: bool,
    /// The greeting said no: only QUIT is left.
    barred: bool,
    hello: Option<Hello>,
    login: Option<String>,
    transaction: Option<Transaction>,
    /// What the client did wrong since the last mail; the next mail carries it.
    defects: Vec<String>,
}

/// How the client introduced itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hello {
    Ehlo,
    Helo,
}

/// A mail that is being sent.
struct Transaction {
    sender: String,
    recipients: Vec<String>,
    smtputf8: bool,
    body_8bit: bool,
    /// What BDAT brought so far.
    chunks: Option<Content>,
}

/// How the conversation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    /// Says what is left to say and closes.
    Close,
    /// Closes without a further word.
    HangUp,
}

impl Session {
    pub(crate) fn new(stream: TcpStream, connection: u64, shared: Arc<Shared>) -> Self {
        // Only a matter of speed.
        let _ = stream.set_nodelay(true);
        Self {
            wire: Wire::new(stream),
            shared,
            connection,
            secured: false,
            barred: false,
            hello: None,
            login: None,
            transaction: None,
            defects: Vec::new(),
        }
    }

    /// The whole conversation. A client that is gone ends it, too.
    pub(crate) async fn run(mut self) {
        self.note(What::Connected);
        let (connection, shared) = (self.connection, Arc::clone(&self.shared));
        let next = self.converse().await;
        let ended = match next {
            Ok(Next::Close) => self.wire.close().await,
            _ => self.wire.flush().await,
        };
        if let Err(error) = next.and(ended) {
            tracing::debug!(connection, %error, "the connection ended");
        }
        let _ = shared.record.write(Event { connection, what: What::Closed });
    }

    async fn converse(&mut self) -> io::Result<Next> {
        if self.manner().tls == Tls::Implicit {
            self.secure().await?;
        }
        let mut next = self.greet().await?;
        while next == Next::Go {
            let line = timeout(self.manner().idle, self.wire.line(AUTH_LIMIT)).await;
            next = match line {
                Ok(line) => self.hear(line?).await?,
                Err(_) => self.say(Reply::new(421, "4.4.2", "idle for too long")),
            };
        }
        Ok(next)
    }

    async fn greet(&mut self) -> io::Result<Next> {
        let duty = Reply::bare(220, vec![format!("{} ESMTP smtp-sink", self.manner().name)]);
        let reply = self.reply_at(Moment::Greeting, duty).await?;
        self.barred = !reply.is_positive();
        Ok(self.say(reply))
    }

    async fn hear(&mut self, line: Line) -> io::Result<Next> {
        let too_long = || Reply::new(500, "5.5.2", "the line is too long");
        let line = match line {
            Line::Whole(line) => line,
            Line::TooLong => return Ok(self.say(too_long())),
            Line::BareLf => {
                self.defect("a command line ended with LF alone");
                return Ok(self.say(Reply::new(500, "5.5.2", "a line must end with CRLF")));
            }
        };
        let command = command::parse(&line);
        self.note(What::Command(readable(&line, command.as_ref().ok())));
        let is_auth = matches!(command, Ok(Command::Auth { .. }));
        if line.len() > COMMAND_LIMIT && !is_auth {
            return Ok(self.say(too_long()));
        }
        match command {
            Ok(command) => self.obey(command).await,
            Err(reply) => Ok(self.say(reply)),
        }
    }

    async fn obey(&mut self, command: Command) -> io::Result<Next> {
        if self.barred && command != Command::Quit {
            return Ok(self.say(Reply::new(503, "5.5.1", "only QUIT is possible")));
        }
        self.watch_grouping(&command);
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
                let duty = Reply::new(250, "2.0.0", "nothing done");
                let reply = self.reply_at(Moment::Noop, duty).await?;
                Ok(self.say(reply))
            }
            Command::Vrfy => Ok(self.say(Reply::new(252, "2.5.1", "send mail and see"))),
            Command::Help => Ok(self.say(Reply::new(214, "2.0.0", "see RFC 5321"))),
            Command::Quit => self.quit().await,
        }
    }

    /// Without PIPELINING nothing may follow a command before its reply; with it, some commands end a group (RFC 2920
    /// section 3.1). BDAT brings its chunk along, and STARTTLS looks for itself.
    fn watch_grouping(&mut self, command: &Command) {
        let ends_group = match command {
            Command::Bdat { .. } | Command::StartTls => false,
            Command::Mail { .. } | Command::Rcpt { .. } | Command::Rset => {
                !self.offers(Extension::Pipelining)
            }
            _ => true,
        };
        if ends_group && !self.wire.buffered().is_empty() {
            self.defect("something was sent before the reply to a command that ends a group");
        }
    }

    async fn ehlo(&mut self) -> io::Result<Next> {
        let manner = self.manner();
        let offered = Extension::ALL.into_iter().filter(|extension| self.may_offer(*extension));
        let lines = offered.map(|extension| capability(extension, &manner));
        let lines = std::iter::once(manner.name.clone()).chain(lines).collect();
        let reply = self.reply_at(Moment::Ehlo, Reply::bare(250, lines)).await?;
        Ok(self.welcome(Hello::Ehlo, reply))
    }

    async fn helo(&mut self) -> io::Result<Next> {
        let duty = Reply::bare(250, vec![self.manner().name.clone()]);
        let reply = self.reply_at(Moment::Helo, duty).await?;
        Ok(self.welcome(Hello::Helo, reply))
    }

    fn welcome(&mut self, hello: Hello, reply: Reply) -> Next {
        if reply.is_positive() {
            self.hello = Some(hello);
            self.transaction = None;
        }
        self.say(reply)
    }

    async fn rset(&mut self) -> io::Result<Next> {
        let reply = self.reply_at(Moment::Rset, Reply::new(250, "2.0.0", "forgotten")).await?;
        if reply.is_positive() {
            self.transaction = None;
        }
        Ok(self.say(reply))
    }

    async fn quit(&mut self) -> io::Result<Next> {
        let reply = self.reply_at(Moment::Quit, Reply::new(221, "2.0.0", "goodbye")).await?;
        let done = reply.is_positive();
        let next = self.say(reply);
        Ok(if done { Next::Close } else { next })
    }

    /// RFC 3207. Plaintext behind the command could be somebody else's: the connection ends (section 5).
    async fn starttls(&mut self) -> io::Result<Next> {
        if self.secured {
            return Ok(self.say(Reply::new(503, "5.5.1", "TLS is active")));
        }
        if !self.offers(Extension::StartTls) {
            return Ok(self.say(Reply::new(502, "5.5.1", "STARTTLS is not offered")));
        }
        let reply = self.reply_at(Moment::StartTls, Reply::new(220, "2.0.0", "go ahead")).await?;
        if !reply.is_positive() {
            return Ok(self.say(reply));
        }
        if !self.wire.buffered().is_empty() {
            self.defect("plaintext was sent behind STARTTLS");
            self.say(Reply::new(554, "5.7.0", "plaintext behind STARTTLS"));
            return Ok(Next::Close);
        }
        self.say(reply);
        self.secure().await?;
        Ok(Next::Go)
    }

    /// The handshake; everything learnt before is forgotten (RFC 3207 section 4.2).
    async fn secure(&mut self) -> io::Result<()> {
        let acceptor = self.shared.acceptor.clone();
        let idle = self.manner().idle;
        let done =
            timeout(idle, self.wire.secure(&acceptor)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        if let Err(error) = &done {
            self.note(What::HandshakeFailed(error.to_string()));
        }
        done?;
        self.note(What::Secured);
        self.secured = true;
        self.hello = None;
        self.login = None;
        self.transaction = None;
        Ok(())
    }

    fn manner(&self) -> Arc<Manner> {
        self.shared.manner()
    }

    /// Whether the client may use this now.
    fn offers(&self, extension: Extension) -> bool {
        self.hello == Some(Hello::Ehlo) && self.may_offer(extension)
    }

    /// Whether EHLO names this now.
    fn may_offer(&self, extension: Extension) -> bool {
        let manner = self.manner();
        let possible = match extension {
            Extension::StartTls => !self.secured,
            Extension::Auth => self.secured || manner.tls == Tls::None,
            _ => true,
        };
        possible && manner.offers(extension)
    }

    /// Puts a reply in line. A 421 announces the end of the connection (RFC 5321 section 3.8).
    #[expect(clippy::needless_pass_by_value, reason = "a reply is said once")]
    fn say(&mut self, reply: Reply) -> Next {
        let manner = self.manner();
        let bytes = reply.wire(manner.offers(Extension::EnhancedStatusCodes));
        self.wire.say(bytes, reply.pause.or(manner.drip));
        if reply.code == 421 { Next::Close } else { Next::Go }
    }

    /// Writes an event down. A witness who cannot take it is asked again at the mail, where it matters.
    fn note(&self, what: What) {
        let _ = self.shared.record.write(Event { connection: self.connection, what });
    }

    fn defect(&mut self, what: &str) {
        self.note(What::Defect(what.to_owned()));
        self.defects.push(what.to_owned());
    }
}

/// How EHLO names an extension.
fn capability(extension: Extension, manner: &Manner) -> String {
    let keyword = extension.keyword();
    match extension {
        Extension::Size => format!("{keyword} {}", manner.max_size),
        Extension::Auth => {
            manner.mechanisms.iter().fold(keyword.to_owned(), |all, one| all + " " + one.name())
        }
        _ => keyword.to_owned(),
    }
}

/// A command line for the record: what could be a secret is left out.
fn readable(line: &[u8], command: Option<&Command>) -> String {
    let line = String::from_utf8_lossy(line);
    match command {
        Some(Command::Auth { mechanism, .. }) => format!("AUTH {mechanism}"),
        None if line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("AUTH")) => "AUTH".to_owned(),
        _ => line.into_owned(),
    }
}
