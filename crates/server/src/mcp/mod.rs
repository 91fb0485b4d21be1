//! The only room that knows MCP and JSON-RPC; one tool = one file.
//!
//! * [`server`]: what rmcp asks of us: who we are, which tools there are, a call
//! * `tools`: the six tools; `arguments` reads what a call gave, `answer` is what it gets
//! * `ending`: how a send ended, in words and in JSON (a pure function), and `reasons`
//! * `shown`: servers, health and tests as answers show them, secrets masked
//! * `schema`: schemas of few tokens
//! * [`session`]: one client from its first line to the last answer
//! * `wire`, `lines`, `complaint`, `flight`: messages one a line, bad lines answered, calls counted
//! * `load`, `queue`, `values`: how much may be under way, what waits for it, and how many values a request may hold
//! * [`http`]: the same over HTTP, for many clients
//! * `stdio`: the process's own streams, without a read that blocks

mod answer;
mod arguments;
mod complaint;
mod ending;
mod flight;
pub mod http;
mod lines;
mod load;
mod queue;
mod schema;
pub mod server;
pub mod session;
mod shown;
mod stdio;
mod tools;
mod values;
mod wire;

pub use http::{HttpLimits, serve_http};
pub use server::Server;
pub use session::{serve_stdio, serve_streams};
