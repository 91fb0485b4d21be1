//! Subcommands.

pub mod args;
mod browser;
pub mod capture;
pub mod check;
pub mod demo;
pub mod health;
pub mod listen;
mod log_queue;
pub mod logging;
pub mod login;
pub mod logout;
mod oauth_account;
pub mod outbox;
pub mod serve;
mod services;
pub mod token;
