//! The operations of the outbox, on a file and in memory.

mod conformance;
mod fail_points;
mod faults;
mod files;
mod fixture;
mod later;
mod model;
mod owners;
mod states;
