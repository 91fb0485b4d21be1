//! The program smtp-mcp-server, room by room, from the ground floor up. A room imports only from lower floors.

// floor 0: the words
pub mod address;
pub mod clock;
pub mod limits;
pub mod message;
pub mod outcome;
pub mod secret;
// floor 1: what was asked, what was set
pub mod config;
pub mod request;
// floor 2: bytes
pub mod compose;
// floor 3: the way in, the way out
pub mod dispatch;
pub mod submit;
// floor 4: the only room that knows MCP
pub mod mcp;
// floor 5: subcommands, and the building of every part
pub mod cli;
