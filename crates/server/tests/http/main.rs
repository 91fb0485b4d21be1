//! The real program over HTTP, through plain sockets.

#[cfg(test)]
mod admission;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod program;
#[cfg(test)]
#[path = "../support/server.rs"]
mod server;
