//! What went wrong, and in which phase.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::certificate::{certificate_problem, explain_certificate, explain_tls};
use crate::{CertificateProblem, CredentialError, Phase, Reply};

/// A failure of a session: in which phase it happened, and what happened. An I/O or TLS error is its source.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    pub(crate) phase: Phase,
    pub(crate) kind: ErrorKind,
}

/// What happened. No variant carries a credential, an address or message text of ours.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A reply other than the one expected.
    #[error("the server answered {0}")]
    Reply(Reply),
    /// The server takes no further recipient in this transaction (RFC 5321, section 4.5.3.1.10); it took others before.
    #[error("the server answered {0}")]
    TooManyRecipients(Reply),
    /// The server's name could not be looked up.
    #[error("the server's name could not be looked up: {0}")]
    Lookup(IoError),
    /// The connection was refused, reset or could not be made.
    #[error("the connection failed: {0}")]
    Io(IoError),
    /// This program, or this machine, may not open more files and connections: it says nothing about the server.
    #[error("no connection can be opened here: {0}")]
    OutOfFiles(IoError),
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
    /// Plaintext was already buffered after the 220 to STARTTLS: a sign of tampering.
    #[error("plaintext was injected after STARTTLS")]
    StartTlsInjected,
    /// The server's certificate is not accepted.
    #[error("TLS failed: {}", explain_certificate(.0))]
    Certificate(rustls::Error),
    /// The server answered the TLS handshake with something else.
    #[error("TLS failed: the server's answer to the handshake was not TLS")]
    NotTls,
    /// The server closed the connection during the TLS handshake.
    #[error("TLS failed: the server closed the connection during the handshake")]
    TlsClosed,
    /// The TLS handshake failed.
    #[error("TLS failed: {}", explain_tls(.0))]
    Tls(rustls::Error),
    /// The server's host is not a name that a certificate can contain.
    #[error("TLS failed: the server's host is not a name that a certificate can contain")]
    ServerName,
    /// The server offers no supported login mechanism.
    #[error("the server offers no supported login mechanism (it offers: {0})")]
    NoMechanism(String),
    /// There are no credentials for the login.
    #[error("no credentials for the login: {0}")]
    NoCredentials(CredentialError),
    /// The server refused the access token.
    #[error("the server refused the access token: {0}")]
    TokenRefused(Reply),
    /// A login would be sent in plaintext, which is not allowed.
    #[error("a login without TLS is not allowed")]
    PlaintextLogin,
    /// The message exceeds the server's size limit (RFC 1870); nothing was uploaded.
    #[error("the message has {size} bytes and the server accepts {limit}")]
    TooLarge {
        /// The message's size in bytes.
        size: u64,
        /// The server's limit in bytes.
        limit: u64,
    },
    /// An address needs SMTPUTF8 (RFC 6531) and the server does not offer it.
    #[error("an address or Message-ID needs SMTPUTF8, which the server does not offer")]
    NeedsSmtpUtf8,
    /// The content has 8-bit bytes and the server does not offer 8BITMIME (RFC 6152).
    #[error("the message needs 8BITMIME, which the server does not offer")]
    Needs8BitMime,
    /// The content has a CR or LF that is not part of a CRLF (RFC 5321, section 2.3.8): a server could read it as the
    /// end of the message and another command behind it.
    #[error("the message has a line end other than CRLF")]
    LineEnds,
    /// Every connection allowed to the server was in use for as long as the caller could wait.
    #[error("every connection to the server was busy for {} s", .0.as_secs())]
    Busy(Duration),
    /// The server offers an extension and refused to be spoken to with it. Without the extension the message may be accepted.
    #[error("the server offers {0} and refused it: {1}")]
    RefusesExtension(&'static str, Reply),
    /// The server ended the session with its reply to another message, before it came to this one.
    #[error("the server closed the connection before it came to this message")]
    ClosedBefore,
    /// Another recipient was refused, and the message is for all of them or for none.
    #[error("not sent, because another recipient was refused and the message is for all or none")]
    AllOrNothing,
    /// The server takes no further message for so long: as many as allowed were sent, or it asked for fewer.
    #[error("the limit of messages a minute is reached, or the server asked for a pause of {} s", .0.as_secs().max(1))]
    Paced(Duration),
    /// The caller cancelled the delivery before the last byte was sent.
    #[error("stopped before the end of the message was sent")]
    Cancelled,
}

/// An [`io::Error`] that can be cloned. Two are equal if they have the same kind and message.
#[derive(Debug, Clone)]
pub struct IoError(Arc<io::Error>);

impl From<io::Error> for IoError {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl IoError {
    /// The failure of TLS that caused it, if one did.
    pub(crate) fn tls(&self) -> Option<&rustls::Error> {
        self.0.get_ref()?.downcast_ref()
    }
}

impl PartialEq for IoError {
    fn eq(&self, other: &Self) -> bool {
        self.0.kind() == other.0.kind() && self.0.to_string() == other.0.to_string()
    }
}

impl Eq for IoError {}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind, self.phase)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Lookup(IoError(error))
            | ErrorKind::Io(IoError(error))
            | ErrorKind::OutOfFiles(IoError(error)) => Some(&**error),
            ErrorKind::Certificate(error) | ErrorKind::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl Error {
    /// An error in `phase`.
    pub fn new(phase: Phase, kind: ErrorKind) -> Self {
        Self { phase, kind }
    }

    /// The phase in which it happened.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What happened.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// What is wrong with the server's certificate, if it was not accepted.
    pub fn certificate_problem(&self) -> Option<CertificateProblem> {
        match &self.kind {
            ErrorKind::Certificate(error) => certificate_problem(error),
            _ => None,
        }
    }

    /// The server's reply, if there was one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.kind {
            ErrorKind::Reply(reply)
            | ErrorKind::TooManyRecipients(reply)
            | ErrorKind::RefusesExtension(_, reply)
            | ErrorKind::TokenRefused(reply) => Some(reply),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;

    use rustls::CertificateError;

    use super::{Error, ErrorKind};
    use crate::Phase;

    #[test]
    fn io_and_tls_errors_are_the_source() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = Error::new(Phase::Connect, ErrorKind::Io(refused().into()));
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::ConnectionRefused));
        assert_eq!(error.to_string(), format!("the connection failed: {} (connect)", refused()));
        let expired = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let error = Error::new(Phase::Tls, ErrorKind::Certificate(expired.clone()));
        assert_eq!(error.source().and_then(|source| source.downcast_ref()), Some(&expired));
        assert_eq!(error.to_string(), "TLS failed: the server's certificate has expired (TLS)");
        assert!(Error::new(Phase::Connect, ErrorKind::Closed).source().is_none());
    }
}
