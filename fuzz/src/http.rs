//! The HTTP server of the program in this process, and one connection after the other to it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::config::{Config, ConfigSources, HttpConfig, OutboxLocation};
use smtp_mcp_server::delivery::Deliveries;
use smtp_mcp_server::mcp::McpHandler;
use smtp_mcp_server::outbox::{Outbox, Principal};
use smtp_mcp_server::transport::{HttpLimits, serve_http};
use smtp_mcp_server::upstream::Upstreams;
use tokio::net::TcpListener;

/// No answer takes this long.
const PATIENCE: Duration = Duration::from_secs(5);

static ADDRESS: LazyLock<SocketAddr> = LazyLock::new(|| {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            send.send(listener.local_addr().expect("an address")).expect("someone waits for it");
            serve_http(
                handler(),
                listener,
                HttpConfig::default(),
                HttpLimits::default(),
                std::future::pending(),
            )
            .await;
        });
    });
    receive.recv().expect("the address")
});

/// A server without SMTP servers.
fn handler() -> McpHandler {
    let upstreams = Upstreams::new(ConfigSources::default(), Config::default(), Clock::System);
    let upstreams = Arc::new(upstreams.expect("no servers are fine"));
    let outbox = Outbox::open(&OutboxLocation::Memory, Clock::System).expect("memory");
    let deliveries = Deliveries::new(outbox, Arc::clone(&upstreams), Clock::System);
    McpHandler::new(upstreams, deliveries, Principal::Local, Clock::System)
}

/// What the server answers to a whole request that asks to close the connection.
pub fn exchange(request: &[u8]) -> Vec<u8> {
    answer(request, false)
}

/// What the server answers to these bytes, if anything: it may give up a client that sends nothing more.
pub fn exchange_and_leave(bytes: &[u8]) -> Vec<u8> {
    answer(bytes, true)
}

fn answer(request: &[u8], leaves: bool) -> Vec<u8> {
    let mut stream = TcpStream::connect(*ADDRESS).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    // It may close before it has read everything.
    let sent = stream.write_all(request);
    if leaves {
        let _ = sent.and_then(|()| stream.shutdown(Shutdown::Write));
    }
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            panic!("no end of the answer within {PATIENCE:?}: {:?}", String::from_utf8_lossy(&answer));
        }
        _ => answer,
    }
}

/// The status of an answer, which is none of a server that fails.
pub fn status(answer: &[u8]) -> Option<u16> {
    let line = String::from_utf8_lossy(answer.split(|byte| *byte == b'\r').next()?).into_owned();
    let status = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    assert!(status != 500 && status != 502, "{line}");
    Some(status)
}
