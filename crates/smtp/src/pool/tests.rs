//! An idle session that expires.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::Pool;
use crate::{Limits, Security, ServerParams};

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
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = ServerParams {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        security: Security::None,
        credentials: None,
        allow_plaintext_login: false,
        ehlo_name: None,
        limits: Limits::default(),
    };
    let pool = Pool::with_idle_timeout(server, 1, Duration::ZERO);
    for _ in 0..2 {
        let used = async { drop(pool.connect().await.unwrap()) };
        let (received, ()) = tokio::join!(answer(&listener), used);
        assert_eq!(received, ["EHLO", "QUIT"]);
    }
}
