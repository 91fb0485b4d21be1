//! An SMTP submission client (RFC 6409) that reports every recipient, tells before from after the
//! last byte, and decides in one place what a failure means.
//!
//! A map of the crate, pure rooms first:
//!
//! * [`phase`], [`reply`], [`trouble`]: the words: where we were, what the server said, what went wrong
//! * [`judge`](mod@judge): what a failure means, as one pure function
//! * [`envelope`]: paths and envelopes that cannot carry a second command
//! * [`content`], [`delivery`]: what goes in, what comes out for each recipient
//! * [`offers`], [`command`], [`dialog`]: what the server can do, what we write, and one transaction as a state machine
//! * [`handover`]: the point of no return of one delivery
//! * [`server`]: how to reach a server and what it may take
//!
//! and those that touch the network:
//!
//! * `dial`: the only place that opens a connection; `wire`: flights and replies over it; [`tls`]: whom it trusts
//! * [`auth`]: logging in; `mask`: keeping the login out of what is quoted
//! * [`session`]: one conversation; [`pool`]: warm ones, used again
//!
//! ```no_run
//! use smtp_submission::tls::{Roots, client_config};
//! use smtp_submission::{Content, Envelope, Handover, Limits, Path, Pool, Security, Server};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(
//!     Server {
//!         host: "smtp.example.org".to_owned(),
//!         port: 587,
//!         security: Security::StartTls(client_config(Roots::Platform)?),
//!         credentials: None,
//!         allow_plaintext_login: false,
//!         ehlo_name: None,
//!         limits: Limits::default(),
//!     },
//!     2,
//! );
//! let envelope = Envelope {
//!     sender: Some(Path::new("ada@example.org")?),
//!     recipients: vec![Path::new("grace@example.org")?],
//! };
//! let content = Content { pieces: vec!["Subject: Hello\r\n\r\nHello.\r\n".into()], smtputf8: false };
//! let delivery = pool.connect().await?.deliver(&envelope, &content, &Handover::new()).await;
//! assert!(delivery.recipients[0].is_ok());
//! # Ok(())
//! # }
//! ```

pub mod auth;
pub mod command;
pub mod content;
pub mod delivery;
mod dial;
pub mod dialog;
pub mod envelope;
pub mod handover;
pub mod judge;
mod mask;
pub mod offers;
pub mod phase;
pub mod pool;
pub mod reply;
pub mod server;
pub mod session;
pub mod tls;
pub mod trouble;
mod wire;

pub use auth::Mechanism;
pub use content::Content;
pub use delivery::Delivery;
pub use envelope::{Envelope, Path, PathError};
pub use handover::Handover;
pub use judge::{Health, Judgement, Verdict, judge};
pub use offers::Offers;
pub use phase::Phase;
pub use pool::{Facts, Pool, Ready, Turn};
pub use reply::{EnhancedCode, Reply};
pub use server::{Credentials, Limits, Security, Server};
pub use session::Session;
pub use trouble::{Cause, Trouble};
