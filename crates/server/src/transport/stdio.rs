//! The process's standard streams, read and written without blocking where the system allows it.
//!
//! rmcp's `stdio_pipes` supports only pairs of pipes; Node's child processes get sockets, and a container may mix. Anything else
//! is read on its own thread, which the runtime must not wait for at the end (see `cli::serve`).

use tokio::io::{AsyncRead, AsyncWrite};

pub(super) type Input = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// Standard input.
pub(super) fn input() -> Input {
    #[cfg(target_os = "linux")]
    if let Ok(pipe) = tokio::net::unix::pipe::OpenOptions::new().open_receiver("/proc/self/fd/0") {
        return Box::new(pipe);
    }
    if let Some(socket) = socket(std::io::stdin()) {
        return Box::new(socket);
    }
    Box::new(tokio::io::stdin())
}

/// Standard output.
pub(super) fn output() -> Output {
    #[cfg(target_os = "linux")]
    if let Ok(pipe) = tokio::net::unix::pipe::OpenOptions::new().open_sender("/proc/self/fd/1") {
        return Box::new(pipe);
    }
    if let Some(socket) = socket(std::io::stdout()) {
        return Box::new(socket);
    }
    Box::new(tokio::io::stdout())
}

/// `stream` as a socket, if it is one.
fn socket(stream: impl std::os::fd::AsFd) -> Option<tokio::net::UnixStream> {
    let own = stream.as_fd().try_clone_to_owned().ok()?;
    let socket = std::os::unix::net::UnixStream::from(own);
    // Fails unless it is a socket of this family.
    socket.local_addr().ok()?;
    socket.set_nonblocking(true).ok()?;
    tokio::net::UnixStream::from_std(socket).ok()
}
