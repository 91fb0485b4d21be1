//! Idle sessions that expire, and a server that takes fewer sessions for a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::pace::Pace;
use super::size::REDUCED_FOR;
use super::{IDLE_TIMEOUT, Pool};
use crate::boot_time::boot_time;
use crate::{CommitPoint, Content, Envelope, Limits, Mail, Path, Security, ServerParams};

async fn listen() -> (TcpListener, ServerParams) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = ServerParams {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        security: Security::None,
        credentials: None,
        allow_plaintext_login: false,
        ehlo_name: None,
        pipelining: true,
        chunking: true,
        limits: Limits::default(),
    };
    (listener, server)
}

/// Answers EHLO and QUIT on one connection, and returns the commands.
async fn answer(listener: &TcpListener) -> Vec<String> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mx\r\n").await.unwrap();
    let mut received = Vec::new();
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap() > 0 {
        received.push(line.split_whitespace().next().unwrap_or_default().to_owned());
        line.clear();
        stream.write_all(b"250 ok\r\n").await.unwrap();
    }
    received
}

#[tokio::test]
async fn an_idle_session_that_expires_gets_quit() {
    let (listener, server) = listen().await;
    let pool = Pool::with_clock(server, 1, Pace::default(), Duration::ZERO, boot_time);
    for _ in 0..2 {
        let used = async { drop(pool.connect().await.unwrap()) };
        let (received, ()) = tokio::join!(answer(&listener), used);
        assert_eq!(received, ["EHLO", "QUIT"]);
    }
}

/// The timers of tokio stand still while the machine sleeps; what is idle meanwhile grows old.
#[tokio::test]
async fn a_session_that_was_idle_while_the_machine_slept_is_not_used_again() {
    static NOW: AtomicU64 = AtomicU64::new(0);
    let (listener, server) = listen().await;
    let now = || Duration::from_secs(NOW.load(Ordering::Relaxed));
    let pool = Pool::with_clock(server, 1, Pace::default(), IDLE_TIMEOUT, now);
    tokio::spawn(async move {
        loop {
            answer(&listener).await;
        }
    });
    let mut reused = Vec::new();
    for slept in [0, IDLE_TIMEOUT.as_secs() - 1, IDLE_TIMEOUT.as_secs()] {
        NOW.fetch_add(slept, Ordering::Relaxed);
        reused.push(pool.connect().await.unwrap().is_reused());
    }
    assert_eq!(reused, [false, true, false]);
}

/// Takes messages on one connection, each in one flight or with a reply to the envelope first; says which.
async fn take_messages(listener: &TcpListener, messages: usize) -> Vec<&'static str> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mx\r\n").await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    stream.write_all(b"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n").await.unwrap();
    let mut ways = Vec::new();
    for _ in 0..messages {
        // MAIL and RCPT; nothing is answered yet.
        stream.read_line(&mut line).await.unwrap();
        stream.read_line(&mut line).await.unwrap();
        ways.push(if stream.buffer().starts_with(b"BDAT") { "one flight" } else { "envelope first" });
        stream.write_all(b"250 ok\r\n250 ok\r\n").await.unwrap();
        stream.read_line(&mut line).await.unwrap();
        stream.read_line(&mut line).await.unwrap();
        stream.write_all(b"250 done\r\n").await.unwrap();
    }
    ways
}

#[tokio::test]
async fn after_ten_seconds_of_idleness_the_content_waits_for_the_envelope() {
    static NOW: AtomicU64 = AtomicU64::new(0);
    let (listener, server) = listen().await;
    let now = || Duration::from_secs(NOW.load(Ordering::Relaxed));
    let pool = Pool::with_clock(server, 1, Pace::default(), IDLE_TIMEOUT, now);
    let sending = async {
        for idle in [0, 9, 10, 0] {
            NOW.fetch_add(idle, Ordering::Relaxed);
            let envelope = Envelope { sender: None, recipients: vec![Path::new("a@x.org").unwrap()] };
            let content = Content { chunks: vec!["x\r\n".into()], smtputf8: false };
            let mail = Mail::new(envelope, content, CommitPoint::new());
            assert!(pool.connect().await.unwrap().deliver(mail).await.accepted());
        }
    };
    let (ways, ()) = tokio::join!(take_messages(&listener, 4), sending);
    assert_eq!(ways, ["one flight", "one flight", "envelope first", "one flight"]);
}

#[tokio::test]
async fn a_server_that_took_fewer_is_asked_for_more_after_a_while() {
    let (listener, server) = listen().await;
    let pool = Pool::new(server, 2);
    let refusing = async {
        let (mut first, _) = listener.accept().await.unwrap();
        first.write_all(b"220 mx\r\n250 ok\r\n").await.unwrap();
        let (mut second, _) = listener.accept().await.unwrap();
        second.write_all(b"421 busy\r\n").await.unwrap();
        first
    };
    let sending = async {
        let first = pool.connect().await.unwrap();
        let second = pool.connect_within(Duration::from_millis(200)).await;
        assert!(second.is_err_and(|error| matches!(error.kind(), crate::ErrorKind::Busy(_))));
        assert_eq!((pool.0.slots().size, pool.0.permits.available_permits()), (1, 0));
        first
    };
    let (_server, session) = tokio::join!(refusing, sending);
    tokio::time::pause();
    tokio::time::sleep(REDUCED_FOR).await;
    tokio::task::yield_now().await;
    assert_eq!((pool.0.slots().size, pool.0.permits.available_permits()), (2, 1));
    drop(session);
    assert_eq!(pool.0.permits.available_permits(), 2);
}
