//! MCP against the server inside the test, over lines in memory.

#[cfg(test)]
mod client;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod wire;
