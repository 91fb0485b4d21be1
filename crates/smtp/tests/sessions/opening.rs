//! Sessions that do not open: the error and its phase.

use std::time::Duration;

use crate::peer::Peer;
use smtp_submission::{Error, ErrorKind, Phase, Session};

async fn opened(script: &str) -> Error {
    let peer = Peer::play(&[script]).await;
    let error = Session::open(&peer.server()).await.err().expect("it opened");
    peer.finish().await;
    error
}

#[tokio::test]
async fn sessions_that_do_not_open() {
    let long = format!("S: 220 mx\nC: EHLO *\n{}", "S: 250-X\n".repeat(300));
    let wide = format!("S: 220-{}", "x".repeat(5000));
    for (script, phase, words) in [
        ("S: 554 go away", Phase::Greeting, "the server answered 554 go away"),
        ("S: 421 later", Phase::Greeting, "the server answered 421 later"),
        ("= close", Phase::Greeting, "the server closed the connection"),
        ("S: SSH-2.0-OpenSSH", Phase::Greeting, "the server's answer was not SMTP: \"SSH-2.0-OpenSSH\""),
        ("S: 220 mx\nC: EHLO *\nS: 421 busy", Phase::Hello, "the server answered 421 busy"),
        ("S: 220 mx\nC: EHLO *\nS: 550 no\nC: HELO *\nS: 550 no", Phase::Hello, "the server answered 550 no"),
        (
            "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 251 mx",
            Phase::Hello,
            "the server's answer was not SMTP: the lines of one reply have different codes",
        ),
        (&long, Phase::Hello, "the server's answer was not SMTP: a reply of more than 256 lines"),
        (&wide, Phase::Greeting, "the server's answer was not SMTP: a line of more than 4096 bytes"),
    ] {
        let error = opened(script).await;
        assert_eq!((error.phase(), error.kind().to_string().as_str()), (phase, words));
    }
}

#[tokio::test]
async fn nobody_there() {
    let peer = Peer::play(&[]).await;
    let server = peer.server();
    peer.finish().await;
    let error = Session::open(&server).await.err().unwrap();
    assert!(matches!((error.phase(), error.kind()), (Phase::Connect, ErrorKind::Io(_))), "{error}");
}

#[tokio::test]
async fn a_server_that_says_nothing_runs_into_the_limit() {
    let peer = Peer::play(&["= eof"]).await;
    let mut server = peer.server();
    server.limits.command = Duration::from_millis(50);
    let error = Session::open(&server).await.err().unwrap();
    assert_eq!(error, Error::new(Phase::Greeting, ErrorKind::TimedOut(Duration::from_millis(50))));
    peer.finish().await;
}
