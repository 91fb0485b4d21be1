//! An SMTP submission client (RFC 6409) that reports each recipient, distinguishes before from after the
//! last byte, and decides in one place what a failure means.
//!
//! The modules, pure ones first:
//!
//! * [`phase`], [`reply`], [`error`]: the phase of the session, the server's reply, what went wrong
//! * [`classify`](mod@classify): what a failure means, as one pure function
//! * [`envelope`]: paths and envelopes that cannot carry a second command
//! * [`content`], [`mail`], [`delivery`]: the message, how it is sent, and the result for each recipient
//! * [`extensions`], [`command`], `transaction`, `pipeline`: what the server offers, the commands, one transaction, and the order of
//!   commands and replies over one session, as state machines
//! * [`commit_point`]: the point of no return of one delivery
//! * [`params`]: how to reach a server, and the time limits
//!
//! and those that use the network:
//!
//! * `connect`: the only place that opens a connection; `wire`: flights and replies over it; [`tls`]: certificate verification
//! * `auth`, `mechanism`: logging in; `mask`: redacting credentials in replies
//! * `flight`, `transfer`: writing several messages at a time and reading their replies
//! * [`counters`]: round trips, bytes, sessions
//! * [`session`]: one SMTP session; [`pool`]: sessions that are used again
//!
//! ```no_run
//! use smtp_submission::tls::{Roots, client_config};
//! use smtp_submission::{CommitPoint, Content, Envelope, Limits, Mail, Path, Pool, Security, ServerParams};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(
//!     ServerParams {
//!         host: "smtp.example.org".to_owned(),
//!         port: 587,
//!         security: Security::StartTls(client_config(Roots::Platform)?),
//!         credentials: None,
//!         allow_plaintext_login: false,
//!         ehlo_name: None,
//!         pipelining: true,
//!         chunking: true,
//!         limits: Limits::default(),
//!     },
//!     2,
//! );
//! let envelope = Envelope {
//!     sender: Some(Path::new("ada@example.org")?),
//!     recipients: vec![Path::new("grace@example.org")?],
//! };
//! let content = Content { chunks: vec!["Subject: Hello\r\n\r\nHello.\r\n".into()], smtputf8: false };
//! let mail = Mail::new(envelope, content, CommitPoint::new());
//! let delivery = pool.connect().await?.deliver(mail).await;
//! assert!(delivery.recipients[0].is_ok());
//! # Ok(())
//! # }
//! ```

mod auth;
mod authority;
mod boot_time;
mod certificate;
pub mod classify;
pub mod command;
pub mod commit_point;
mod connect;
pub mod content;
pub mod counters;
pub mod delivery;
mod der;
pub mod envelope;
pub mod error;
mod exchange;
pub mod extensions;
mod flight;
mod key_size;
pub mod mail;
mod mask;
mod mechanism;
mod opening;
pub mod params;
pub mod phase;
mod pipeline;
pub mod pool;
mod recipient_limit;
pub mod reply;
mod reply_words;
mod scram;
pub mod session;
pub mod tls;
mod transaction;
mod transfer;
mod wire;

pub use certificate::CertificateProblem;
pub use classify::{Classification, HealthImpact, RecipientStatus, classify};
pub use commit_point::CommitPoint;
pub use content::Content;
pub use counters::Counters;
pub use delivery::Delivery;
pub use envelope::{Envelope, Path, PathError};
pub use error::{Error, ErrorKind, IoError};
pub use extensions::Extensions;
pub use mail::Mail;
pub use params::{
    BoxFuture, CredentialError, CredentialSource, Credentials, Limits, Security, ServerParams, Wanted,
};
pub use phase::Phase;
#[cfg(feature = "fuzz")]
pub use pipeline::any_server;
pub use pool::{Pool, PooledSession, ServerInfo};
pub use reply::{EnhancedCode, Reply};
pub use reply_words::is_ordinary as is_ordinary_in_replies;
pub use session::Session;
