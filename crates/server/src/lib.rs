//! The program smtp-mcp-server, one line a module, from the lowest layer up. A module imports only from lower layers.

// layer 0: basic types
pub mod address;
pub mod blocking_work;
pub mod budget;
pub mod clock;
pub mod file;
mod json_limits;
pub mod limits;
pub mod memory;
pub mod message;
pub mod oauth;
pub mod outcome;
pub mod policy;
pub mod secret;
pub mod stored;
// layer 1: the arguments of a call, the configuration
pub mod config;
pub mod request;
// layer 2: message bytes, the record of every message, the configured servers
pub mod compose;
pub mod outbox;
pub mod upstream;
// layer 3: from a request to a message, from a message to the servers
pub mod delivery;
pub mod submit;
// layer 4: the tools of MCP
pub mod mcp;
// layer 5: how clients reach them
pub mod transport;
// layer 6: subcommands; builds all parts
pub mod cli;
