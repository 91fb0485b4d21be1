//! TLS and logins: STARTTLS and its state, implicit TLS, valid and invalid certificates, every mechanism.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{TestClient, codes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use smtp_sink::{Action, Behavior, Certificate, EventKind, Extension, Sink, Stage};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn handshake(sink: &Sink, stream: TcpStream, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(sink.ca_pem().unwrap().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// EHLO, STARTTLS, handshake.
async fn secured(sink: &Sink) -> TestClient<TlsStream<TcpStream>> {
    let mut client = TestClient::hello(sink).await;
    assert!(client.line("STARTTLS").await.starts_with("220"));
    TestClient::on(handshake(sink, client.into_stream(), "localhost").await.unwrap())
}

#[tokio::test]
async fn starttls_forgets_what_was_said_before() {
    let sink = Sink::start(Behavior::default().starttls().login("ada", "secret")).await.unwrap();
    let mut plain = TestClient::open(&sink).await;
    let offer = plain.line("EHLO client.example").await;
    assert!(offer.contains("STARTTLS") && !offer.contains("AUTH"), "{offer}");
    assert!(plain.line("AUTH PLAIN AGFkYQBzZWNyZXQ=").await.starts_with("538"));
    assert!(plain.line("MAIL FROM:<a@x.org>").await.starts_with("530"));
    let mut client = secured(&sink).await;
    assert!(client.line("MAIL FROM:<a@x.org>").await.starts_with("503"), "EHLO was forgotten");
    let offer = client.line("EHLO client.example").await;
    assert!(!offer.contains("STARTTLS") && offer.contains("AUTH PLAIN LOGIN CRAM-MD5"), "{offer}");
    assert!(client.line("STARTTLS").await.starts_with("503"));
    assert!(client.line("AUTH PLAIN AGFkYQBzZWNyZXQ=").await.starts_with("235"));
    assert!(client.line("AUTH PLAIN AGFkYQBzZWNyZXQ=").await.starts_with("503"));
    client.send(b"MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n").await;
    assert_eq!(codes(&client.replies(3).await), [250, 250, 354]);
    assert!(client.bytes(b"\r\n.\r\n").await.starts_with("250"));
    let mail = sink.next_mail().await;
    assert!(mail.tls && mail.login.as_deref() == Some("ada"));
    assert!(client.line("QUIT").await.starts_with("221"));
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn plaintext_behind_starttls_is_refused() {
    let sink = Sink::start(Behavior::default().starttls()).await.unwrap();
    let mut client = TestClient::hello(&sink).await;
    client.send(b"STARTTLS\r\nMAIL FROM:<evil@x.org>\r\n").await;
    let received = client.rest().await;
    assert!(received.starts_with("554") && !received.contains("250"), "{received}");
}

#[tokio::test]
async fn implicit_tls_speaks_tls_first() {
    let sink = Sink::start(Behavior::default().implicit_tls()).await.unwrap();
    let stream = TestClient::dial(&sink).await.into_stream();
    let mut client = TestClient::on(handshake(&sink, stream, "127.0.0.1").await.unwrap());
    assert_eq!(codes(&client.replies(1).await), [220]);
    assert!(!client.line("EHLO client.example").await.contains("STARTTLS"));
}

#[tokio::test]
async fn bad_certificates_are_bad() {
    let table = [
        (Certificate::default(), None),
        (Certificate::SelfSigned(vec!["localhost".to_owned()]), None),
        (Certificate::Expired, Some("Expired")),
        (Certificate::Generated(vec!["other.example".to_owned()]), Some("NotValidForName")),
    ];
    for (certificate, expected) in table {
        let sink =
            Sink::start(Behavior::default().implicit_tls().certificate(certificate.clone())).await.unwrap();
        let stream = TestClient::dial(&sink).await.into_stream();
        let done = handshake(&sink, stream, "localhost").await;
        let error = done.err().map(|error| format!("{error:?}"));
        match expected {
            None => assert_eq!(error, None, "{certificate:?}"),
            Some(word) => assert!(
                error.as_ref().is_some_and(|error| error.contains(word)),
                "{certificate:?}: {error:?}"
            ),
        }
        let failed = |what: &EventKind| matches!(what, EventKind::HandshakeFailed(_));
        if expected.is_some() {
            sink.wait_until(|events| events.iter().any(|event| failed(&event.kind))).await;
        }
    }
}

#[tokio::test]
async fn without_leaves_out() {
    let behavior = Behavior::default().starttls().login("ada", "secret");
    let behavior = behavior
        .without(Extension::StartTls)
        .without(Extension::EnhancedStatusCodes)
        .without(Extension::Size);
    let sink = Sink::start(behavior).await.unwrap();
    let mut client = TestClient::open(&sink).await;
    assert_eq!(
        client.line("EHLO c.example").await,
        "250-localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
    );
    assert_eq!(client.line("STARTTLS").await, "502 STARTTLS is not offered\r\n");
}

/// A login's lines, and the codes that must answer them.
type Login = &'static [(&'static str, u16)];

#[tokio::test]
async fn logins_are_checked() {
    let table: [Login; 10] = [
        &[("AUTH PLAIN AGFkYQBzZWNyZXQ=", 235)],
        &[("AUTH PLAIN", 334), ("AGFkYQBzZWNyZXQ=", 235)],
        &[("AUTH plain", 334), ("*", 501)],
        &[("AUTH PLAIN !", 501)],
        &[("AUTH PLAIN AGFkYQB3cm9uZw==", 535)],
        &[("AUTH LOGIN", 334), ("YWRh", 334), ("c2VjcmV0", 235)],
        &[("AUTH LOGIN YWRh", 334), ("d3Jvbmc=", 535)],
        &[("AUTH LOGIN", 334), ("YWRh", 334), ("*", 501)],
        &[("AUTH CRAM-MD5 YWRh", 501)],
        &[("AUTH SCRAM-SHA-1", 504)],
    ];
    let sink = Sink::start(Behavior::default().login("ada", "secret")).await.unwrap();
    for login in table {
        let mut client = TestClient::hello(&sink).await;
        for (line, code) in login {
            let reply = client.line(line).await;
            assert_eq!(codes(&[reply]), [*code], "{login:?} at {line}");
        }
    }
    let logins = sink.events().into_iter().filter_map(|event| match event.kind {
        EventKind::Login { user, ok } => Some((user, ok)),
        _ => None,
    });
    let ok: Vec<bool> = logins.map(|(user, ok)| user == "ada" && ok).collect();
    assert_eq!(ok, [true, true, false, true, false]);
    let secret = STANDARD.encode("\0ada\0secret");
    let shown = format!("{:?}", sink.events());
    assert!(!shown.contains(&secret) && !shown.contains("secret"), "secrets stay out of the log");
}

#[tokio::test]
async fn a_login_can_be_refused_or_deferred_whatever_it_says() {
    for reply in ["535 5.7.8 no", "454 4.7.0 later"] {
        let sink =
            Sink::start(Behavior::default().login("ada", "secret").reply(Stage::Login, reply)).await.unwrap();
        let mut client = TestClient::hello(&sink).await;
        assert!(client.line("AUTH PLAIN AGFkYQBzZWNyZXQ=").await.starts_with(reply));
        assert!(client.line("MAIL FROM:<a@x.org>").await.starts_with("530"));
    }
}

#[tokio::test]
async fn starttls_and_a_login_go_wrong_like_all_the_rest() {
    for (at, line) in [(Stage::StartTls, "STARTTLS"), (Stage::Login, "AUTH PLAIN AGFkYQBzZWNyZXQ=")] {
        for (action, ending) in [
            (Action::HangUp, None),
            (Action::Reset, Some(ErrorKind::ConnectionReset)),
            (Action::Reply("421 4.3.2 bye".to_owned()), None),
        ] {
            let behavior = Behavior::default().login("ada", "secret").rule(at, action);
            let behavior = if at == Stage::StartTls { behavior.starttls() } else { behavior };
            let sink = Sink::start(behavior).await.unwrap();
            let mut client = TestClient::hello(&sink).await;
            client.send(format!("{line}\r\n").as_bytes()).await;
            assert_eq!(client.end().await, ending, "{at:?}");
        }
    }
}

#[tokio::test]
async fn a_private_connection_is_reset_and_dripped_upon_like_any_other() {
    let behavior = Behavior::default().starttls().drip(Duration::from_micros(10));
    let sink = Sink::start(behavior.rule(Stage::Noop, Action::Reset)).await.unwrap();
    let mut client = secured(&sink).await;
    assert!(client.line("EHLO client.example").await.starts_with("250-"));
    client.send(b"NOOP\r\n").await;
    assert_eq!(client.end().await, Some(ErrorKind::ConnectionReset));
}
