//! How clients reach the MCP handler: framing, requests in flight, limits.
//!
//! * [`session`]: one client over stdio, from its first line to the last answer
//! * `stdio_transport`, `line_reader`, `jsonrpc_error`, `in_flight`: one message a line, errors for invalid lines, requests in flight
//! * `handshake`: what is kept of it
//! * `message_head`: the id and method of a message, read without building the rest
//! * `params`, `params_shape`: params that clients get wrong without consequence, and how they are noticed
//! * `pending`: requests that wait for a permit
//! * [`http`]: the same over HTTP, for many clients
//! * `stdio`: the process's standard streams, without blocking reads

mod handshake;
pub mod http;
mod in_flight;
mod jsonrpc_error;
mod line_reader;
mod message_head;
mod params;
mod params_shape;
mod pending;
pub mod session;
mod stdio;
mod stdio_transport;

pub use http::{HttpLimits, serve_http};
pub use jsonrpc_error::own_errors;
pub use session::{CALLS_GRACE_PERIOD, OnStop, serve_handler, serve_stdio, serve_streams};
