//! The operations of the outbox, on a file and in memory.

mod conformance;
mod faults;
mod files;
mod fixture;
mod model;
mod owners;
mod states;
