//! Opens connections: the only place that connects to mail servers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use crate::{Error, ErrorKind, Phase, ServerParams};

/// Connects to `server`, trying each of its addresses, all before `deadline`.
pub(crate) async fn connect(server: &ServerParams, deadline: Instant) -> Result<TcpStream, Error> {
    try_addresses(server, deadline).await.map_err(|kind| Error::new(Phase::Connect, kind))
}

/// The host for lookup and certificate: without the brackets of an address literal, without a final dot.
pub(crate) fn bare_host(host: &str) -> &str {
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    literal.unwrap_or(host).trim_end_matches('.')
}

async fn try_addresses(server: &ServerParams, deadline: Instant) -> Result<TcpStream, ErrorKind> {
    let late = || ErrorKind::TimedOut(server.limits.connect);
    let looking = lookup_host((bare_host(&server.host), server.port));
    let found = timeout_at(deadline, looking).await.map_err(|_| late())?;
    let addresses: Vec<SocketAddr> = found.map_err(lookup_failed)?.collect();

    let mut failure = ErrorKind::Lookup(io::Error::other("the name has no address").into());
    for (index, address) in addresses.iter().enumerate() {
        let share = share(deadline, addresses.len() - index);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                debug!(host = %server.host, port = server.port, "connected");
                // Without it the last small segment of a group waits for an acknowledgement (RFC 896).
                stream.set_nodelay(true).map_err(|e| ErrorKind::Io(e.into()))?;
                return Ok(stream);
            }
            Ok(Err(e)) if is_out_of_files(&e) => return Err(ErrorKind::OutOfFiles(e.into())),
            Ok(Err(e)) => failure = ErrorKind::Io(e.into()),
            Err(_) => failure = late(),
        }
    }
    Err(failure)
}

/// A resolver that cannot open a file or a socket says that there is no such name.
fn lookup_failed(error: io::Error) -> ErrorKind {
    match Socket::new(Domain::IPV4, Type::DGRAM, None) {
        Err(e) if is_out_of_files(&e) => ErrorKind::OutOfFiles(e.into()),
        _ => ErrorKind::Lookup(error.into()),
    }
}

fn is_out_of_files(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// One address's share of the remaining time, so that an unreachable one leaves some for the others.
fn share(deadline: Instant, addresses: usize) -> Duration {
    let left = deadline.saturating_duration_since(Instant::now());
    left / u32::try_from(addresses).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::bare_host;

    #[test]
    fn brackets_and_final_dots_are_no_part_of_a_host() {
        for (host, bare) in
            [("[::1]", "::1"), ("mx.example.org.", "mx.example.org"), ("127.0.0.1", "127.0.0.1")]
        {
            assert_eq!(bare_host(host), bare);
        }
    }
}
