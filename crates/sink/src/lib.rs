//! An SMTP server that keeps what it receives and misbehaves on request: for tests, the demo and capture mode.
//!
//! It shares no code with the client that it tests: a second implementation of RFC 5321, 1870, 2033–2034, 2920, 3030,
//! 3207, 4954, 6152 and 6531. The modules, pure ones first:
//!
//! * [`behavior`]: how the sink behaves; the one place that decides what happens at each stage
//! * `address`, `command`, `reply`: the grammar of command lines and replies
//! * `content`: the framing of a mail's bytes, and their defects
//! * `sasl`: the computations of AUTH mechanisms
//! * [`certificate`]: the certificate it presents
//! * [`event`]: what happened, in order
//! * `client_stream`, `session`: one connection
//! * [`Sink`]: the running server
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use smtp_sink::{Behavior, Sink};
//!
//! let sink = Sink::start(Behavior::default().refuse("bad*@*")).await?;
//! assert!(sink.mails().is_empty());
//! # Ok(())
//! # }
//! ```

mod address;
pub mod behavior;
pub mod certificate;
mod client_stream;
mod command;
mod content;
pub mod event;
mod glob;
mod reply;
mod sasl;
mod session;
mod shared;
mod sink;

pub use behavior::{
    Action, AfterData, AuthMechanism, Behavior, Extension, Latch, Login, ParseRuleError, Rule, Stage, Tls,
    Wait,
};
pub use certificate::Certificate;
pub use event::{Event, EventKind, EventSink, Mail};
pub use sink::Sink;
