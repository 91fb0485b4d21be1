//! TLS and logins: what is trusted, what is refused, and what is never shown.

use std::sync::{Arc, Mutex};

use crate::peer::Peer;
use crate::pool::BYE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::ExposeSecret as _;
use smtp_submission::tls::{Roots, client_config};
use smtp_submission::{
    BoxFuture, CommitPoint, Content, CredentialError, CredentialSource, Credentials, Envelope, Error,
    ErrorKind, Mail, Path, Phase, Pool, Security, Session, Wanted,
};
use tokio_rustls::TlsAcceptor;

/// A certificate with its key, and the PEM that a user would trust.
pub(crate) struct Certified {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) pem: String,
}

fn acceptor(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}

pub(crate) fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

/// A leaf issued by a CA of the test; the PEM is the CA's.
pub(crate) fn issued(leaf: &CertificateParams) -> Certified {
    issued_by("Our CA", leaf)
}

fn issued_by(name: &str, leaf: &CertificateParams) -> Certified {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = leaf.signed_by(&key, &authority).unwrap();
    Certified { acceptor: acceptor(vec![certificate.der().clone()], &key), pem: authority.pem() }
}

/// A self-signed leaf; the PEM is its own.
fn self_signed(leaf: &CertificateParams) -> Certified {
    let key = KeyPair::generate().unwrap();
    let certificate = leaf.self_signed(&key).unwrap();
    Certified { acceptor: acceptor(vec![certificate.der().clone()], &key), pem: certificate.pem() }
}

fn expired(mut leaf: CertificateParams) -> CertificateParams {
    leaf.not_before = date_time_ymd(2020, 1, 1);
    leaf.not_after = date_time_ymd(2021, 1, 1);
    leaf
}

fn future(mut leaf: CertificateParams) -> CertificateParams {
    leaf.not_before = date_time_ymd(2999, 1, 1);
    leaf.not_after = date_time_ymd(3000, 1, 1);
    leaf
}

/// As common tools make them: self-signed, and marked as a CA.
fn authority(mut leaf: CertificateParams) -> CertificateParams {
    leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    leaf
}

async fn open(
    script: &str,
    acceptor: TlsAcceptor,
    security: Security,
    login: Option<(&str, &str)>,
) -> Result<Session, Error> {
    let peer = Peer::play_with(&[script], Some(acceptor)).await;
    let mut server = peer.server();
    server.security = security;
    server.credentials = login.map(|login| Arc::new(credentials(login)) as _);
    let opened = Session::open(&server).await;
    if opened.is_ok() {
        peer.finish().await;
    }
    opened
}

fn credentials((name, password): (&str, &str)) -> Credentials {
    Credentials::password(name, password.to_owned().into())
}

pub(crate) fn start_tls(pem: &str) -> Security {
    Security::StartTls(client_config(Roots::Pem(pem.as_bytes())).unwrap())
}

fn implicit(pem: &str) -> Security {
    Security::Implicit(client_config(Roots::Pem(pem.as_bytes())).unwrap())
}

#[tokio::test]
async fn a_second_session_resumes_tls() {
    let certified = issued(&params("127.0.0.1"));
    let script = "= tls\nS: 220 mx\nC: EHLO *\nS: 250 mx\nC: QUIT\nS: 221 bye\n= eof";
    let peer = Peer::play_with(&[script, script], Some(certified.acceptor)).await;
    let mut server = peer.server();
    server.security = implicit(&certified.pem);
    for resumed in [false, true] {
        let session = Session::open(&server).await.unwrap();
        assert_eq!(session.is_tls_resumed(), resumed);
        session.quit().await;
    }
    peer.finish().await;
}

#[tokio::test]
async fn a_protected_session_is_used_again() {
    let hello = "C: EHLO *\nS: 250 mx\n";
    let mail = "C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<a@x.org>\nS: 250 ok\nC: DATA\nS: 354 go\nC: x\nC: .\nS: 250 done\n";
    let certified = issued(&params("127.0.0.1"));
    for (security, start) in [
        (implicit(&certified.pem), "= tls\nS: 220 mx\n".to_owned()),
        (start_tls(&certified.pem), STARTTLS.to_owned()),
    ] {
        let script = format!("{start}{hello}{mail}{mail}C: QUIT\nS: 221 bye\n= eof");
        let peer = Peer::play_with(&[&script], Some(certified.acceptor.clone())).await;
        let mut server = peer.server();
        server.security = security;
        let pool = Pool::new(server, 1);
        let envelope = Envelope { sender: None, recipients: vec![Path::new("a@x.org").unwrap()] };
        let content = Content { chunks: vec!["x\r\n".into()], smtputf8: false };
        for _ in 0..2 {
            let ready = pool.connect().await.unwrap();
            assert!(
                ready
                    .deliver(Mail::new(envelope.clone(), content.clone(), CommitPoint::new()))
                    .await
                    .recipients[0]
                    .is_ok()
            );
        }
        pool.drain().await;
        peer.finish().await;
    }
}

const STARTTLS: &str =
    "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250-SIZE 7\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n= tls\n";

#[tokio::test]
async fn starttls_forgets_what_was_offered_before() {
    let server = issued(&params("127.0.0.1"));
    let script = format!("{STARTTLS}C: EHLO [127.0.0.1]\nS: 250-mx\nS: 250 PIPELINING");
    let session = open(&script, server.acceptor, start_tls(&server.pem), None).await.unwrap();
    assert_eq!(session.extensions().keywords, ["PIPELINING"]);
    assert_eq!((session.extensions().size_limit, session.extensions().starttls), (None, false));
    assert_eq!(session.tls_version(), Some("TLSv1.3"));
}

#[tokio::test]
async fn implicit_tls_and_a_live_session_behind_its_tickets() {
    let server = issued(&params("127.0.0.1"));
    let script = "= tls\nS: 220 mx\nC: EHLO *\nS: 250 mx";
    let mut session = open(script, server.acceptor, implicit(&server.pem), None).await.unwrap();
    // The peer's script is at its end and its connection closed.
    assert!(!session.looks_alive());
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn whom_to_trust() {
    let (local, foreign) = (params("127.0.0.1"), params("mail.example.org"));
    let (others, namesake) = (issued_by("Their CA", &local).pem, issued(&local).pem);
    for (what, server, pem, words) in [
        ("issued", issued(&local), None, None),
        ("self-signed", self_signed(&local), None, None),
        ("self-signed authority", self_signed(&authority(local.clone())), None, None),
        (
            "unknown CA",
            issued(&local),
            Some(others.as_str()),
            Some("the server's certificate comes from an unknown issuer (a CA file"),
        ),
        (
            "a CA of the same name",
            issued(&local),
            Some(&namesake),
            Some("the server's certificate comes from an unknown issuer with the name of a known one"),
        ),
        (
            "unknown self-signed",
            self_signed(&local),
            Some(&others),
            Some("the server's certificate comes from an unknown issuer"),
        ),
        (
            "wrong name",
            issued(&foreign),
            None,
            Some("the server's certificate is valid for mail.example.org, not for 127.0.0.1"),
        ),
        (
            "self-signed, wrong name",
            self_signed(&foreign),
            None,
            Some("the server's certificate is valid for mail.example.org, not for 127.0.0.1"),
        ),
        (
            "authority, wrong name",
            self_signed(&authority(foreign.clone())),
            None,
            Some("the server's certificate is valid for mail.example.org, not for 127.0.0.1"),
        ),
        ("expired", issued(&expired(local.clone())), None, Some("the server's certificate expired on ")),
        (
            "not valid yet",
            issued(&future(local.clone())),
            None,
            Some(
                "the server's certificate is valid from 2999-01-01 00:00 UTC on, and this machine's clock says 2",
            ),
        ),
        (
            "an authority in the place of a server",
            issued_by("Their CA", &authority(local.clone())),
            None,
            Some("the server's certificate is a CA certificate"),
        ),
        (
            "self-signed, expired",
            self_signed(&expired(local.clone())),
            None,
            Some("the server's certificate expired on "),
        ),
        (
            "authority, expired",
            self_signed(&authority(expired(local.clone()))),
            None,
            Some("the server's certificate expired on "),
        ),
    ] {
        let security = start_tls(pem.unwrap_or(&server.pem));
        let script = format!("{STARTTLS}C: EHLO *\nS: 250 mx");
        let found = open(&script, server.acceptor, security, None).await.err();
        match (found, words) {
            (None, None) => {}
            (Some(error), Some(words)) if matches!(error.kind(), ErrorKind::Certificate(_)) => {
                let said = error.kind().to_string();
                assert!(said.starts_with(&format!("TLS failed: {words}")), "{what}: {said}");
            }
            (found, _) => panic!("{what}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn tls_that_does_not_come_about() {
    let server = issued(&params("127.0.0.1"));
    let hello = "S: 220 mx\nC: EHLO *\n";
    for (script, security, wanted) in [
        (format!("{hello}S: 250 mx"), start_tls(&server.pem), "the server does not offer STARTTLS"),
        (
            format!("{hello}S: 502 no\nC: HELO *\nS: 250 mx"),
            start_tls(&server.pem),
            "the server does not offer STARTTLS",
        ),
        (
            format!("{hello}S: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 not now"),
            start_tls(&server.pem),
            "the server answered 454 not now",
        ),
        (
            format!("{hello}S: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS+ 220 go\nS: 250 injected\n= eof"),
            start_tls(&server.pem),
            "plaintext was injected after STARTTLS",
        ),
        (
            "S: 220 mx ESMTP\n= eof".to_owned(),
            implicit(&server.pem),
            "TLS failed: the server's answer to the handshake was not TLS",
        ),
        (
            "= close".to_owned(),
            implicit(&server.pem),
            "TLS failed: the server closed the connection during the handshake",
        ),
    ] {
        let error = open(&script, server.acceptor.clone(), security, None).await.err().unwrap();
        assert_eq!((error.phase(), error.kind().to_string().as_str()), (Phase::Tls, wanted));
    }
}

#[tokio::test]
async fn logins_under_tls() {
    let server = issued(&params("127.0.0.1"));
    let secret = STANDARD.encode("\0ada\0pass word");
    let (name, password) = (STANDARD.encode("ada"), STANDARD.encode("pass word"));
    for script in [
        format!("S: 250 AUTH LOGIN PLAIN CRAM-MD5\nC: AUTH PLAIN {secret}\nS: 235 2.7.0 welcome"),
        format!("S: 250 AUTH=PLAIN\nC: AUTH PLAIN {secret}\nS: 334\nC: {secret}\nS: 235 welcome"),
        format!(
            "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: {name}\nS: 334 UGFzc3dvcmQ6\nC: {password}\nS: 235 welcome"
        ),
        "S: 250 AUTH CRAM-MD5\nC: AUTH CRAM-MD5\nS: 334 PDEyMzRAeC5vcmc+\nC: *\nS: 235 welcome".to_owned(),
    ] {
        let script = format!("= tls\nS: 220 mx\nC: EHLO *\nS: 250-mx\n{script}");
        let session =
            open(&script, server.acceptor.clone(), implicit(&server.pem), Some(("ada", "pass word"))).await;
        assert!(session.is_ok(), "{script}: {:?}", session.err());
    }
}

#[tokio::test]
async fn logins_that_fail_tell_no_secret() {
    let server = issued(&params("127.0.0.1"));
    let echo = STANDARD.encode("\0ada-lovelace\0s3cr3t-pass");
    for (script, words) in [
        (
            format!("S: 250 AUTH PLAIN\nC: AUTH PLAIN {echo}\nS: 535 5.7.8 bad login"),
            "the server answered 535 5.7.8 bad login",
        ),
        (
            format!("S: 250 AUTH PLAIN\nC: AUTH *\nS: 535 what is {echo}?"),
            "the server answered 535 what is [hidden]?",
        ),
        (
            "S: 250 AUTH PLAIN\nC: AUTH *\nS: 535 no ada-lovelace with s3cr3t-pass".to_owned(),
            "the server answered 535 no [hidden] with [hidden]",
        ),
        (
            "S: 250 AUTH PLAIN\nC: AUTH *\nS: s3cr3t-pass".to_owned(),
            "the server's answer was not SMTP: \"[hidden]\"",
        ),
        (
            "S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334\nC: *\nS: 535 no".to_owned(),
            "the server answered 535 no",
        ),
        ("S: 250 AUTH CRAM-MD5\nC: AUTH CRAM-MD5\nS: 334 !!".to_owned(), "the server answered 334 !!"),
        (
            "S: 250 AUTH XOAUTH2 NTLM".to_owned(),
            "the server offers no supported login mechanism (it offers: XOAUTH2, NTLM)",
        ),
        ("S: 250 SIZE".to_owned(), "the server offers no supported login mechanism (it offers: none)"),
        ("S: 250 AUTH PLAIN\nC: AUTH *\n= close".to_owned(), "the server closed the connection"),
    ] {
        let script = format!("= tls\nS: 220 mx\nC: EHLO *\nS: 250-mx\n{script}");
        let login = Some(("ada-lovelace", "s3cr3t-pass"));
        let error = open(&script, server.acceptor.clone(), implicit(&server.pem), login).await.err().unwrap();
        assert_eq!((error.phase(), error.kind().to_string().as_str()), (Phase::Auth, words));
        assert!(!format!("{error:?}").contains("s3cr3t"));
    }
}

#[tokio::test]
async fn a_login_in_plaintext_only_where_it_is_allowed_and_hidden_where_it_can_be() {
    let hello = "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 AUTH PLAIN CRAM-MD5\n";
    for (allowed, rest, wanted) in [
        (false, "C: QUIT\nS: 221 bye\n= eof", Some(ErrorKind::PlaintextLogin)),
        (true, "C: AUTH CRAM-MD5\nS: 334 PDEyMzRAeC5vcmc+\nC: *\nS: 235 ok", None),
    ] {
        let peer = Peer::play(&[&format!("{hello}{rest}")]).await;
        let mut server = peer.server();
        server.credentials = Some(Arc::new(credentials(("ada", "pw"))));
        server.allow_plaintext_login = allowed;
        let kind = Session::open(&server).await.err().map(|error| error.kind().clone());
        assert_eq!(kind, wanted);
        peer.finish().await;
    }
}

/// A token that is different each time, until there is none; and what was asked for.
#[derive(Debug, Default)]
struct Tokens(Mutex<(Vec<&'static str>, Vec<String>)>);

impl CredentialSource for Tokens {
    fn credentials<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Result<Credentials, CredentialError>> {
        let mut tokens = self.0.lock().unwrap();
        tokens.1.push(match wanted {
            Wanted::Current => "current".to_owned(),
            Wanted::InsteadOf(refused) => {
                let known = ["one", "first-token"].contains(&refused.secret().expose_secret());
                if known { "renewed" } else { "another" }.to_owned()
            }
        });
        let token = tokens.0.pop().map(|token| Credentials::token("ada", token.to_owned().into()));
        Box::pin(std::future::ready(
            token.ok_or_else(|| CredentialError {
                reason: "the token is gone".to_owned(),
                is_permanent: false,
            }),
        ))
    }
}

/// What is said on one connection after EHLO, the tokens, what is asked for, and how the login ends.
async fn login_with_tokens(
    mechanisms: &str,
    script: &str,
    tokens: &[&'static str],
) -> (Vec<String>, Result<(), String>) {
    let hello = format!("S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 AUTH {mechanisms}\n");
    let peer = Peer::play(&[&format!("{hello}{script}")]).await;
    let source = Arc::new(Tokens(Mutex::new((tokens.iter().rev().copied().collect(), Vec::new()))));
    let mut server = peer.server();
    server.allow_plaintext_login = true;
    server.credentials = Some(Arc::clone(&source) as _);
    let end = Session::open(&server).await.map(drop).map_err(|error| error.to_string());
    peer.finish().await;
    let asked = source.0.lock().unwrap().1.clone();
    (asked, end)
}

/// The client's line with this token.
fn auth(token: &str) -> String {
    let response = STANDARD.encode(format!("user=ada\x01auth=Bearer {token}\x01\x01"));
    format!("C: AUTH XOAUTH2 {response}\n")
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let (current, renewed) = ("current", "renewed");
    let explanation = STANDARD.encode("{\"status\":\"401\",\"scope\":\"mail\"}");
    let refusal = format!("S: 334 {explanation}\nC: \nS: 535 5.7.8 no\n");
    let refused =
        "the server refused the access token: 535 5.7.8 no ({\"status\":\"401\",\"scope\":\"mail\"}) (login)";
    let (one, two) = (auth("one"), auth("two"));
    for (what, script, tokens, asked, wanted) in [
        ("accepted", format!("{one}S: 235 ok"), &["one"][..], &[current][..], None),
        ("renewed", format!("{one}{refusal}{two}S: 235 ok"), &["one", "two"], &[current, renewed], None),
        (
            "refused twice",
            format!("{one}{refusal}{two}{refusal}{BYE}"),
            &["one", "two", "three"],
            &[current, renewed],
            Some(refused),
        ),
        (
            "the same again",
            format!("{one}{refusal}{BYE}"),
            &["one", "one"],
            &[current, renewed],
            Some(refused),
        ),
        (
            "what was refused is not repeated",
            format!(
                "{}{refusal}{}S: 454 4.7.0 not first-token nor second-token\n{BYE}",
                auth("first-token"),
                auth("second-token")
            ),
            &["first-token", "second-token"],
            &[current, renewed],
            Some("the server answered 454 4.7.0 not [hidden] nor [hidden] (login)"),
        ),
        (
            "none is left",
            format!("{one}{refusal}{BYE}"),
            &["one"],
            &[current, renewed],
            Some("no credentials for the login: the token is gone (login)"),
        ),
        (
            "not a refusal",
            format!("{one}S: 454 4.7.0 later\n{BYE}"),
            &["one", "two"],
            &[current],
            Some("the server answered 454 4.7.0 later (login)"),
        ),
    ] {
        let (found, end) = login_with_tokens("PLAIN XOAUTH2", &script, tokens).await;
        assert!(found.iter().eq(asked), "{what}: {found:?}");
        assert_eq!(end.err().as_deref(), wanted, "{what}");
    }
}

/// A mechanism that is refused as such is followed by the next; a refused password is not sent again.
#[tokio::test]
async fn another_mechanism_is_tried_where_only_the_mechanism_is_refused() {
    let plain = format!("C: AUTH PLAIN {}\n", STANDARD.encode("\0ada\0pw"));
    let login = format!(
        "C: AUTH LOGIN\nS: 334\nC: {}\nS: 334\nC: {}\nS: 235 ok",
        STANDARD.encode("ada"),
        STANDARD.encode("pw")
    );
    let cram = "C: AUTH CRAM-MD5\n";
    for (offered, script, wanted) in [
        ("PLAIN CRAM-MD5", format!("{cram}S: 504 5.5.4 unknown\n{plain}S: 235 ok"), None),
        ("PLAIN CRAM-MD5", format!("{cram}S: 535 5.7.8 no such mechanism\n{plain}S: 235 ok"), None),
        ("PLAIN LOGIN", format!("{plain}S: 534 5.7.9 too weak\n{login}"), None),
        ("PLAIN LOGIN", format!("{plain}S: 535 5.7.8 no\n{BYE}"), Some("535 5.7.8 no")),
        (
            "PLAIN LOGIN",
            format!("{plain}S: 534 5.7.14 look at the web\n{BYE}"),
            Some("534 5.7.14 look at the web"),
        ),
        ("PLAIN LOGIN", format!("{plain}S: 454 4.7.0 later\n{BYE}"), Some("454 4.7.0 later")),
        (
            "PLAIN CRAM-MD5",
            format!("{cram}S: 334 PDEyMzRAeC5vcmc+\nC: *\nS: 535 5.7.8 no\n{BYE}"),
            Some("535 5.7.8 no"),
        ),
        ("CRAM-MD5", format!("{cram}S: 504 5.5.4 unknown\n{BYE}"), Some("504 5.5.4 unknown")),
    ] {
        let hello = format!("S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 AUTH {offered}\n");
        let peer = Peer::play(&[&format!("{hello}{script}")]).await;
        let mut server = peer.server();
        server.allow_plaintext_login = true;
        server.credentials = Some(Arc::new(credentials(("ada", "pw"))));
        let end = Session::open(&server).await.err().map(|error| error.kind().to_string());
        assert_eq!(end, wanted.map(|reply| format!("the server answered {reply}")), "{script}");
        peer.finish().await;
    }
}

#[test]
fn the_platforms_roots_load() {
    // A machine without any root certificates gets an error, not a panic.
    if let Err(e) = client_config(Roots::Platform) {
        assert!(e.to_string().starts_with("the platform's certificates"));
    }
}
