//! Opens connections: the only place that connects to mail servers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use crate::{Error, ErrorKind, Phase, ServerParams};

/// The head start of an address before the next one is tried (RFC 8305, section 8).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to `server` at the first of its addresses that answers, before `deadline`.
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

    if addresses.is_empty() {
        return Err(ErrorKind::Lookup(io::Error::other("the name has no address").into()));
    }
    match timeout_at(deadline, race(in_turn(addresses))).await {
        Ok(Ok(stream)) => {
            debug!(host = %server.host, port = server.port, "connected");
            // Without it the last small segment of a group waits for an acknowledgement (RFC 896).
            stream.set_nodelay(true).map_err(|e| ErrorKind::Io(e.into()))?;
            Ok(stream)
        }
        Ok(Err(e)) if is_out_of_files(&e) => Err(ErrorKind::OutOfFiles(e.into())),
        Ok(Err(e)) => Err(ErrorKind::Io(e.into())),
        Err(_) => Err(late()),
    }
}

/// The two families of addresses in turn, beginning with the one that the resolver prefers (RFC 8305, section 4).
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let prefers_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == prefers_v6);
    let mut second = second.into_iter();
    let mut turns = Vec::new();
    for address in first {
        turns.push(address);
        turns.extend(second.next());
    }
    turns.extend(second);
    turns
}

/// Connects to the first address that answers. Each has a head start before the next (RFC 8305, section 5), which begins at once
/// when it fails.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut left = addresses.into_iter();
    let mut attempts: JoinSet<io::Result<TcpStream>> = JoinSet::new();
    loop {
        if let Some(address) = left.next() {
            attempts.spawn(TcpStream::connect(address));
        }
        let has_more = left.len() > 0;
        tokio::select! {
            Some(ended) = attempts.join_next() => match ended.map_err(io::Error::other)? {
                Ok(stream) => return Ok(stream),
                Err(error) if is_out_of_files(&error) => return Err(error),
                Err(error) if attempts.is_empty() && !has_more => return Err(error),
                Err(_) => {}
            },
            () = sleep(HEAD_START), if has_more => {}
        }
    }
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::{HEAD_START, bare_host, in_turn, race};

    #[test]
    fn families_take_turns() {
        let addresses = |text: &str| -> Vec<SocketAddr> {
            text.split(' ').map(|address| address.parse().unwrap()).collect()
        };
        for (found, tried) in [
            ("[::1]:1 [::2]:1 127.0.0.1:1", "[::1]:1 127.0.0.1:1 [::2]:1"),
            ("127.0.0.1:1 [::1]:1 [::2]:1", "127.0.0.1:1 [::1]:1 [::2]:1"),
            ("127.0.0.1:1 127.0.0.2:1", "127.0.0.1:1 127.0.0.2:1"),
        ] {
            assert_eq!(in_turn(addresses(found)), addresses(tried));
        }
    }

    #[tokio::test]
    async fn an_address_that_refuses_or_is_silent_does_not_hold_up_the_next() {
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refuses = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        // A listener that accepts nothing and has no room for further connections leaves them without an answer.
        let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        silent.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        silent.listen(0).unwrap();
        let full = silent.local_addr().unwrap().as_socket().unwrap();
        let _waiting = tokio::net::TcpStream::connect(full).await.unwrap();
        let _more = timeout(HEAD_START, tokio::net::TcpStream::connect(full)).await;
        for other in [refuses, full] {
            let connected = race(vec![other, good.local_addr().unwrap()]).await.unwrap();
            assert_eq!(connected.peer_addr().unwrap(), good.local_addr().unwrap());
        }
        assert!(race(vec![refuses, refuses]).await.is_err());
    }

    #[test]
    fn brackets_and_final_dots_are_no_part_of_a_host() {
        for (host, bare) in
            [("[::1]", "::1"), ("mx.example.org.", "mx.example.org"), ("127.0.0.1", "127.0.0.1")]
        {
            assert_eq!(bare_host(host), bare);
        }
    }
}
