//! What went wrong, and in which phase.

use std::time::Duration;

use crate::{Phase, Reply};

/// One failure of a conversation: where it happened, and what happened there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause} ({phase})")]
pub struct Trouble {
    /// The phase in which it happened.
    pub phase: Phase,
    /// What happened.
    pub cause: Cause,
}

/// What happened. No variant carries a credential, an address or message text of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The server answered, and not with what was hoped for.
    #[error("the server answered {0}")]
    Reply(Reply),
    /// The server's name could not be looked up.
    #[error("the server's name could not be looked up: {0}")]
    Lookup(String),
    /// The connection was refused, reset or could not be made.
    #[error("the connection failed: {0}")]
    Io(String),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// Nothing came within the phase's limit.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// What came was not an SMTP reply.
    #[error("the server's answer was not SMTP: {0}")]
    Garbage(String),
    /// STARTTLS is required and the server does not offer it.
    #[error("the server does not offer STARTTLS")]
    StartTlsMissing,
    /// Bytes were waiting behind the 220 to STARTTLS: somebody put them there.
    #[error("plaintext was injected behind STARTTLS")]
    StartTlsInjected,
    /// The server's certificate is not accepted.
    #[error("TLS failed: {0}")]
    Certificate(String),
    /// The server answered the TLS handshake with something else.
    #[error("TLS failed: the server's answer to the handshake was not TLS")]
    NotTls,
    /// The TLS handshake failed.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The server offers no login mechanism that we speak.
    #[error("the server offers no login that we speak (it offers: {0})")]
    NoMechanism(String),
    /// A login would travel in plaintext, and nobody allowed that.
    #[error("a login without TLS is not allowed")]
    PlaintextLogin,
    /// The message is larger than the server takes (RFC 1870); nothing was uploaded.
    #[error("the message has {size} bytes and the server takes {limit}")]
    TooLarge {
        /// The message's size in bytes.
        size: u64,
        /// The server's limit in bytes.
        limit: u64,
    },
    /// An address needs SMTPUTF8 (RFC 6531) and the server does not offer it.
    #[error("an address needs SMTPUTF8, which the server does not offer")]
    NeedsSmtpUtf8,
    /// The content has 8-bit bytes and the server does not offer 8BITMIME (RFC 6152).
    #[error("the message needs 8BITMIME, which the server does not offer")]
    Needs8BitMime,
    /// The content has a CR or LF that is not half of a CRLF (RFC 5321, section 2.3.8): a server could read it as the
    /// end of the message and another command behind it.
    #[error("the message has a line end other than CRLF")]
    LineEnds,
    /// Every session that may be open to the server was in use for as long as the caller could wait.
    #[error("every connection to the server was busy for {} s", .0.as_secs())]
    Busy(Duration),
    /// The caller stopped the delivery before the last byte was handed over.
    #[error("stopped before the end of the message was sent")]
    Stopped,
}

impl Trouble {
    /// A trouble in `phase`.
    pub fn new(phase: Phase, cause: Cause) -> Self {
        Self { phase, cause }
    }

    /// The server's reply, where the trouble is one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.cause {
            Cause::Reply(reply) => Some(reply),
            _ => None,
        }
    }
}
