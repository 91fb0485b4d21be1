//! How the sink behaves: what it offers, and where it does something other than its duty.

mod end;
mod rule;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::certificate::Certificate;

pub use end::{After, End, Gate, Wait};
pub(crate) use rule::Moment;
pub use rule::{Act, At, Rule, WrongRule};

/// How a sink behaves. The default is a plain, correct server without TLS and login, on a free loopback port.
#[derive(Debug, Clone)]
pub struct Manner {
    /// Where it listens. Read at the start only.
    pub listen: SocketAddr,
    /// The name in its greeting and in its answer to EHLO.
    pub name: String,
    /// How a connection becomes private. Read when a connection opens.
    pub tls: Tls,
    /// Who it says it is. Read at the start only.
    pub certificate: Certificate,
    /// The one account it knows. None: there is no AUTH.
    pub login: Option<Login>,
    /// MAIL before a login is answered with 530.
    pub login_required: bool,
    /// What AUTH offers, in this order.
    pub mechanisms: Vec<Mechanism>,
    /// What EHLO offers. AUTH and STARTTLS also need `login` and `tls`.
    pub extensions: BTreeSet<Extension>,
    /// The largest mail it takes, in bytes of content (RFC 1870).
    pub max_size: usize,
    /// How many recipients one mail may have; a further one is answered with 452.
    pub max_recipients: usize,
    /// How long a silent connection stays open.
    pub idle: Duration,
    /// Each reply goes out byte by byte, with this pause behind each. None: all replies that are due go out as one.
    pub drip: Option<Duration>,
    /// Where it misbehaves. The first rule that fits counts.
    pub rules: Vec<Rule>,
    /// What it does when the whole content has arrived.
    pub end: End,
}

/// How a connection becomes private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Never.
    None,
    /// On request (RFC 3207). AUTH is offered after it only.
    StartTls,
    /// From the first byte (RFC 8314).
    Implicit,
}

/// The account that a sink knows. Debug does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// The obsolete exchange of two questions that everybody still speaks.
    Login,
    /// RFC 2195.
    CramMd5,
}

impl Mechanism {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
        }
    }
}

/// A service extension, each of which can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extension {
    /// RFC 2920.
    Pipelining,
    /// RFC 1870.
    Size,
    /// RFC 6152.
    EightBitMime,
    /// RFC 6531.
    SmtpUtf8,
    /// RFC 2034.
    EnhancedStatusCodes,
    /// RFC 3030; off unless added.
    Chunking,
    /// RFC 3207.
    StartTls,
    /// RFC 4954.
    Auth,
}

impl Extension {
    /// Every extension the sink knows, in the order in which EHLO names them.
    pub const ALL: [Self; 8] = [
        Self::Pipelining,
        Self::Size,
        Self::EightBitMime,
        Self::SmtpUtf8,
        Self::EnhancedStatusCodes,
        Self::Chunking,
        Self::StartTls,
        Self::Auth,
    ];

    /// Its EHLO keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Pipelining => "PIPELINING",
            Self::Size => "SIZE",
            Self::EightBitMime => "8BITMIME",
            Self::SmtpUtf8 => "SMTPUTF8",
            Self::EnhancedStatusCodes => "ENHANCEDSTATUSCODES",
            Self::Chunking => "CHUNKING",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
        }
    }

    /// The extension with this keyword, in any case.
    pub fn named(keyword: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|extension| extension.keyword().eq_ignore_ascii_case(keyword))
    }
}

impl Default for Manner {
    fn default() -> Self {
        let mut extensions = BTreeSet::from(Extension::ALL);
        extensions.remove(&Extension::Chunking);
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            name: "localhost".to_owned(),
            tls: Tls::None,
            certificate: Certificate::default(),
            login: None,
            login_required: false,
            mechanisms: vec![Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5],
            extensions,
            max_size: 100 * 1024 * 1024,
            max_recipients: 1000,
            idle: Duration::from_secs(300),
            drip: None,
            rules: Vec::new(),
            end: End::default(),
        }
    }
}

/// Sentences for the usual manners; each takes and returns the whole manner.
impl Manner {
    /// Offers STARTTLS.
    #[must_use]
    pub fn starttls(self) -> Self {
        Self { tls: Tls::StartTls, ..self }
    }

    /// Speaks TLS from the first byte.
    #[must_use]
    pub fn implicit_tls(self) -> Self {
        Self { tls: Tls::Implicit, ..self }
    }

    /// Knows this account and takes mail only after a login.
    #[must_use]
    pub fn login(self, user: &str, password: &str) -> Self {
        let login = Login { user: user.to_owned(), password: password.to_owned() };
        Self { login: Some(login), login_required: true, ..self }
    }

    /// Shows this certificate.
    #[must_use]
    pub fn certificate(self, certificate: Certificate) -> Self {
        Self { certificate, ..self }
    }

    /// Offers this extension, too.
    #[must_use]
    pub fn with(mut self, extension: Extension) -> Self {
        self.extensions.insert(extension);
        self
    }

    /// Leaves this extension out.
    #[must_use]
    pub fn without(mut self, extension: Extension) -> Self {
        self.extensions.remove(&extension);
        self
    }

    /// Misbehaves at this moment.
    #[must_use]
    pub fn rule(mut self, at: At, act: Act) -> Self {
        self.rules.push(Rule::new(at, act));
        self
    }

    /// Misbehaves at this moment, the `nth` time only, counted from 1 over all connections.
    #[must_use]
    pub fn nth(mut self, nth: u64, at: At, act: Act) -> Self {
        self.rules.push(Rule::new(at, act).only(nth));
        self
    }

    /// Says every reply byte by byte, with this pause behind each.
    #[must_use]
    pub fn drip(self, pause: Duration) -> Self {
        Self { drip: Some(pause), ..self }
    }

    /// Says `reply` at this moment.
    #[must_use]
    pub fn reply(self, at: At, reply: &str) -> Self {
        self.rule(at, Act::Reply(reply.to_owned()))
    }

    /// Refuses recipients that fit `pattern`, for good.
    #[must_use]
    pub fn refuse(self, pattern: &str) -> Self {
        self.reply(At::Recipient(pattern.to_owned()), "550 5.1.1 no such mailbox here")
    }

    /// Refuses recipients that fit `pattern`, for now.
    #[must_use]
    pub fn defer(self, pattern: &str) -> Self {
        self.reply(At::Recipient(pattern.to_owned()), "451 4.2.1 mailbox is busy, try again later")
    }

    /// Says 421 and closes the connection at recipients that fit `pattern`.
    #[must_use]
    pub fn disconnect(self, pattern: &str) -> Self {
        self.reply(At::Recipient(pattern.to_owned()), "421 4.3.2 closing the connection")
    }

    /// Does this after the final dot.
    #[must_use]
    pub fn after_dot(mut self, then: After) -> Self {
        self.end.then = then;
        self
    }

    /// Keeps silent after the final dot, this long.
    #[must_use]
    pub fn wait(mut self, wait: Wait) -> Self {
        self.end.wait = wait;
        self
    }
}

/// The questions of a session.
impl Manner {
    /// What happens here? None: the sink does its duty. To be asked once for each moment: rules count.
    pub(crate) fn act(&self, moment: Moment<'_>) -> Option<Act> {
        let fitting: Vec<&Rule> = self.rules.iter().filter(|rule| rule.fits(moment)).collect();
        fitting.first().map(|rule| rule.act().clone())
    }

    /// Whether EHLO offers this, apart from the state of the connection.
    pub(crate) fn offers(&self, extension: Extension) -> bool {
        let possible = match extension {
            Extension::StartTls => self.tls == Tls::StartTls,
            Extension::Auth => self.login.is_some() && !self.mechanisms.is_empty(),
            _ => true,
        };
        possible && self.extensions.contains(&extension)
    }
}
