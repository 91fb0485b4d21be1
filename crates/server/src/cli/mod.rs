//! Subcommands.

mod approve;
pub mod args;
mod browser;
#[cfg(feature = "capture")]
pub mod capture;
pub mod check;
pub mod completions;
#[cfg(feature = "capture")]
pub mod demo;
pub mod health;
pub mod listen;
mod log_queue;
pub mod logging;
pub mod login;
pub mod logout;
pub mod man;
mod oauth_account;
mod open_outbox;
pub mod outbox;
pub mod outbox_change;
pub mod pause;
pub mod policy;
pub mod protection;
pub mod send;
pub mod serve;
mod services;
mod style;
pub mod token;
pub mod version;
