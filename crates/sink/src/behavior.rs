//! How the sink behaves: what it offers, and at which stages it does something other than send the default reply.

mod after_data;
mod rule;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::certificate::Certificate;

pub use after_data::{AfterData, Latch, Wait};
pub use rule::{Action, ParseRuleError, Rule, Stage};

/// How a sink behaves. The default is a plain, correct server without TLS and login, on a free loopback port.
#[derive(Debug, Clone)]
pub struct Behavior {
    /// Where it listens. Read at the start only.
    pub listen: SocketAddr,
    /// The name in its greeting and in its reply to EHLO.
    pub name: String,
    /// How a connection is encrypted. Read when a connection opens.
    pub tls: Tls,
    /// The certificate it presents. Read at the start only.
    pub certificate: Certificate,
    /// The one account it knows. None: there is no AUTH.
    pub login: Option<Login>,
    /// MAIL before a login is answered with 530.
    pub login_required: bool,
    /// What AUTH offers, in this order.
    pub mechanisms: Vec<AuthMechanism>,
    /// What EHLO offers. AUTH and STARTTLS also need `login` and `tls`.
    pub extensions: BTreeSet<Extension>,
    /// The largest mail it accepts, in bytes of content (RFC 1870).
    pub max_size: usize,
    /// How many recipients one mail may have; a further one is answered with 452.
    pub max_recipients: usize,
    /// How long a silent connection stays open.
    pub idle: Duration,
    /// Replies are sent byte by byte, with this pause after each. None: all pending replies go out in one write.
    pub drip: Option<Duration>,
    /// Where it misbehaves. The first rule that matches applies.
    pub rules: Vec<Rule>,
    /// How long it stays silent when the whole content has arrived.
    pub wait: Wait,
    /// What it does then.
    pub after_data: AfterData,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Never.
    None,
    /// On request (RFC 3207). AUTH is offered after it only.
    StartTls,
    /// Implicit TLS (RFC 8314).
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
pub enum AuthMechanism {
    /// RFC 4616.
    Plain,
    /// The obsolete exchange of two prompts that is still common.
    Login,
    /// RFC 2195.
    CramMd5,
}

impl AuthMechanism {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
        }
    }
}

/// A service extension. Each can be left out.
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

impl Default for Behavior {
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
            mechanisms: vec![AuthMechanism::Plain, AuthMechanism::Login, AuthMechanism::CramMd5],
            extensions,
            max_size: 100 * 1024 * 1024,
            max_recipients: 1000,
            idle: Duration::from_secs(300),
            drip: None,
            rules: Vec::new(),
            wait: Wait::No,
            after_data: AfterData::Accept,
        }
    }
}

/// Builder methods for common behaviors.
impl Behavior {
    /// Offers STARTTLS.
    #[must_use]
    pub fn starttls(self) -> Self {
        Self { tls: Tls::StartTls, ..self }
    }

    /// Uses implicit TLS.
    #[must_use]
    pub fn implicit_tls(self) -> Self {
        Self { tls: Tls::Implicit, ..self }
    }

    /// Knows this account and accepts mail only after a login.
    #[must_use]
    pub fn login(self, user: &str, password: &str) -> Self {
        let login = Login { user: user.to_owned(), password: password.to_owned() };
        Self { login: Some(login), login_required: true, ..self }
    }

    /// Presents this certificate.
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

    /// Adds a rule.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Misbehaves at this stage.
    #[must_use]
    pub fn rule(self, stage: Stage, action: Action) -> Self {
        self.with_rule(Rule::new(stage, action))
    }

    /// Misbehaves at this stage, the `nth` time only, counted from 1 over all connections.
    #[must_use]
    pub fn nth(self, nth: u64, stage: Stage, action: Action) -> Self {
        self.with_rule(Rule::new(stage, action).only(nth))
    }

    /// Sends every reply byte by byte, with this pause after each.
    #[must_use]
    pub fn drip(self, pause: Duration) -> Self {
        Self { drip: Some(pause), ..self }
    }

    /// Sends `reply` at this stage.
    #[must_use]
    pub fn reply(self, stage: Stage, reply: &str) -> Self {
        self.rule(stage, Action::Reply(reply.to_owned()))
    }

    /// Sends `reply` to RCPT for recipients that match `pattern`.
    #[must_use]
    pub fn reply_to_rcpt(self, pattern: &str, reply: &str) -> Self {
        self.with_rule(Rule::new(Stage::Rcpt, Action::Reply(reply.to_owned())).matching(pattern))
    }

    /// Rejects recipients that match `pattern` permanently.
    #[must_use]
    pub fn refuse(self, pattern: &str) -> Self {
        self.reply_to_rcpt(pattern, "550 5.1.1 no such mailbox here")
    }

    /// Rejects recipients that match `pattern` temporarily.
    #[must_use]
    pub fn defer(self, pattern: &str) -> Self {
        self.reply_to_rcpt(pattern, "451 4.2.1 mailbox is busy, try again later")
    }

    /// Sends 421 and closes the connection at recipients that match `pattern`.
    #[must_use]
    pub fn disconnect(self, pattern: &str) -> Self {
        self.reply_to_rcpt(pattern, "421 4.3.2 closing the connection")
    }

    /// Does this after the final dot.
    #[must_use]
    pub fn after_data(self, after_data: AfterData) -> Self {
        Self { after_data, ..self }
    }

    /// Stays silent this long after the final dot.
    #[must_use]
    pub fn wait(self, wait: Wait) -> Self {
        Self { wait, ..self }
    }
}

impl Behavior {
    /// The action of the first rule that applies. None: the default reply is sent. To be called once at each stage: rules count.
    pub(crate) fn action(&self, stage: Stage, path: &str) -> Option<Action> {
        // Every rule counts, so all of them are asked.
        let matching: Vec<&Rule> = self.rules.iter().filter(|rule| rule.applies(stage, path)).collect();
        matching.first().map(|rule| rule.action().clone())
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
