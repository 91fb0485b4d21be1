//! The phases of an SMTP session.

use std::fmt;

/// A phase of an SMTP session (RFC 5321, section 3), in which a failure happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Phase {
    /// Looking up the name and opening the TCP connection.
    Connect,
    /// Waiting for the server's 220.
    Greeting,
    /// EHLO, or HELO where EHLO is refused.
    Hello,
    /// STARTTLS and the TLS handshake.
    Tls,
    /// Logging in (RFC 4954).
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA and the content, up to the last byte.
    Data,
    /// The reply to the end of the data.
    EndOfData,
}

impl Phase {
    /// Every phase, in the order of a session.
    pub const ALL: [Self; 9] = [
        Self::Connect,
        Self::Greeting,
        Self::Hello,
        Self::Tls,
        Self::Auth,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::EndOfData,
    ];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::Tls => "TLS",
            Self::Auth => "login",
            Self::Mail => "MAIL FROM",
            Self::Rcpt => "RCPT TO",
            Self::Data => "DATA",
            Self::EndOfData => "end of data",
        })
    }
}
