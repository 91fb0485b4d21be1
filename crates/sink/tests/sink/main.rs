//! The sink, judged by conversations.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

mod conversations;
mod private;
mod rules;
mod talk;
