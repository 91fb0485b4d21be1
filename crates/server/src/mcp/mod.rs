//! MCP: the handler, one file for each tool, results.
//!
//! * [`handler`]: the MCP handler: server info, the tools, a call; `admission`: the permit of a call
//! * `tools`: the tools; `arguments`: deserializing arguments; `argument_types`: those that clients send as strings; `context`: what a tool works with; `tool_result`: what a
//!   call returns
//! * `send_result`: the result of a send as text and as JSON (a pure function), and `reasons`
//! * `email_view`: a mail of the outbox in results; `content_view`: what is in a mail; `server_lines`: servers as lines of text
//! * `waiting`: why a mail waits, in words
//! * `identity`: who this server is
//! * `quota_view`: how many mails may be sent
//! * `progress`: progress notifications of a call
//! * `params`: what is wrong with the params of a request
//! * [`Setup`]: a program without a usable configuration
//! * [`CaptureHandler`]: another handler, for the mails of a test server
//! * [`LocalSend`]: `send_email` for the command line
//! * `schema`: minimal schemas

mod admission;
mod argument_types;
mod arguments;
mod cancellation;
#[cfg(feature = "capture")]
mod capture;
mod content_view;
mod context;
mod email_view;
pub mod handler;
mod identity;
mod instructions;
mod local_send;
pub(crate) mod params;
mod progress;
mod quota_view;
mod requests;
mod resources;
mod retry_refusal;
mod schema;
mod send_result;
mod server_lines;
mod services;
mod setup;
mod tool_result;
mod tools;
mod waiting;

pub(crate) use admission::ParsePermit;
pub(crate) use cancellation::Cancellation;
#[cfg(feature = "capture")]
pub(crate) use capture::{CaptureHandler, CapturedMail, CapturedMails};
pub(crate) use content_view::{ContentView, hex};
pub(crate) use email_view::{EmailView, EventView, email_line};
pub use handler::McpHandler;
pub(crate) use identity::protocol_versions;
pub(crate) use local_send::LocalSend;
pub(crate) use quota_view::QuotaView;
pub(crate) use retry_refusal::retry_refusal;
pub(crate) use send_result::{reason, refused};
pub use setup::{Setup, Start, Started};
pub(crate) use tool_result::ToolResult;
