//! How a contestant is told what to do: the arguments of its program.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How the connection is protected; with TLS there is a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Link {
    Plain,
    Starttls,
    Implicit,
}

/// How the engine is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// As many callers as connections, each with one message at a time.
    Single,
    /// Sixteen callers a connection.
    Bulk,
    /// One message at a time, each to all recipients or none.
    AllOrNothing,
    /// All messages given to one session at once.
    Sequence,
}

/// What the engine sends where.
#[derive(Debug, Clone, Args)]
pub(crate) struct EngineOptions {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) link: Link,
    pub(crate) connections: usize,
    pub(crate) messages: usize,
    pub(crate) size: usize,
    /// The certificate of the authority that issued the server's.
    pub(crate) ca: PathBuf,
    pub(crate) user: String,
    pub(crate) password: String,
    #[arg(long, default_value = "single")]
    pub(crate) mode: Mode,
}
