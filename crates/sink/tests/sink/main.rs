//! The sink, tested by conversations.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

mod client;
mod conversations;
mod private;
mod rules;
