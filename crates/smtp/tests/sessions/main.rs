//! Sessions with a scripted peer over real sockets: conversations, protection, the pool.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod conversations;
mod faults;
mod opening;
mod peer;
mod pool;
mod protection;
mod scripts;
