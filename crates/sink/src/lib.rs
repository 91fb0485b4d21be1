//! An SMTP server that keeps what it gets and misbehaves when told: for tests, the demo and capture mode.
//!
//! It shares no code with the client that it judges: a second reading of RFC 5321, 1870, 2033–2034, 2920, 3030, 3207,
//! 4954, 6152 and 6531. A map, pure rooms first:
//!
//! * [`manner`]: how the sink behaves; the one place that is asked "what happens here?"
//! * `address`, `command`, `reply`: the grammar of a line in and a line out
//! * `content`: the framing of a mail's bytes, and the defects in them
//! * `sasl`: the arithmetic of a login
//! * [`certificate`]: who the sink says it is
//! * [`record`]: what happened, in order
//! * `wire`, `session`: one connection
//! * [`Sink`]: the running server
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use smtp_sink::{Manner, Sink};
//!
//! let sink = Sink::start(Manner::default().refuse("bad*@*")).await?;
//! assert!(sink.mails().is_empty());
//! # Ok(())
//! # }
//! ```

mod address;
pub mod certificate;
mod command;
mod content;
mod glob;
pub mod manner;
pub mod record;
mod reply;
mod sasl;
mod session;
mod sink;
mod wire;

pub use certificate::Certificate;
pub use manner::{
    Act, After, At, End, Extension, Gate, Login, Manner, Mechanism, Rule, Tls, Wait, WrongRule,
};
pub use record::{Event, Mail, What};
pub use sink::Sink;
