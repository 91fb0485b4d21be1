//! Every row of the table of failures.

use std::io;
use std::time::Duration;

use super::{Classification, HealthImpact, RecipientStatus, classify};
use crate::{CredentialError, ErrorKind, Phase, Reply};

use HealthImpact::{AuthFailure, BriefFailure, Failure, Healthy};
use RecipientStatus::{Accepted, Rejected, TryNext, Unknown};

fn no_credentials(is_permanent: bool) -> ErrorKind {
    ErrorKind::NoCredentials(CredentialError { reason: "the command failed".to_owned(), is_permanent })
}

fn code(code: u16) -> ErrorKind {
    ErrorKind::Reply(Reply { code, enhanced: None, text: String::new() })
}

/// Network failures.
fn accidents() -> Vec<ErrorKind> {
    let late = ErrorKind::TimedOut(Duration::from_secs(1));
    vec![
        ErrorKind::Closed,
        late,
        ErrorKind::Io(io::Error::from(io::ErrorKind::ConnectionReset).into()),
        ErrorKind::Garbage("?".to_owned()),
    ]
}

fn assert_row(
    phase: Phase,
    causes: Vec<ErrorKind>,
    status: RecipientStatus,
    is_retryable: bool,
    health: HealthImpact,
) {
    for kind in causes {
        let wanted = Classification { status, health, is_retryable };
        assert_eq!(classify(phase, &kind), wanted, "{phase}, {kind}");
    }
}

#[test]
fn a_421_is_the_servers_own_business_in_every_phase() {
    for phase in Phase::ALL {
        assert_row(phase, vec![code(421)], TryNext, true, BriefFailure);
    }
}

#[test]
fn before_a_message() {
    let refusals = || vec![code(450), code(554)];
    assert_row(Phase::Connect, vec![ErrorKind::Lookup(io::Error::other("?").into())], TryNext, true, Failure);
    let out_of_files = ErrorKind::OutOfFiles(io::Error::other("?").into());
    assert_row(Phase::Connect, vec![out_of_files], TryNext, true, HealthImpact::None);
    for phase in [Phase::Connect, Phase::Greeting, Phase::Hello, Phase::Tls] {
        assert_row(phase, accidents(), TryNext, true, Failure);
    }
    for phase in [Phase::Greeting, Phase::Hello, Phase::Tls] {
        assert_row(phase, refusals(), TryNext, true, Failure);
    }
    let tls = rustls::Error::HandshakeNotComplete;
    let tls = vec![ErrorKind::StartTlsInjected, ErrorKind::TlsClosed, ErrorKind::Tls(tls)];
    assert_row(Phase::Tls, tls, TryNext, true, Failure);
    let certificate = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
    let settings = vec![
        ErrorKind::StartTlsMissing,
        ErrorKind::NotTls,
        ErrorKind::ServerName,
        ErrorKind::Certificate(certificate),
    ];
    assert_row(Phase::Tls, settings, TryNext, false, Failure);
}

#[test]
fn logins() {
    assert_row(Phase::Auth, vec![code(535), code(534), code(530)], TryNext, false, AuthFailure);
    assert_row(Phase::Mail, vec![code(530)], TryNext, false, AuthFailure);
    assert_row(Phase::Auth, vec![code(454), code(432), code(500)], TryNext, true, Failure);
    assert_row(Phase::Auth, accidents(), TryNext, true, Failure);
    assert_row(
        Phase::Auth,
        vec![ErrorKind::PlaintextLogin, ErrorKind::NoMechanism(String::new())],
        TryNext,
        false,
        Failure,
    );
    assert_row(Phase::Auth, vec![no_credentials(true)], TryNext, false, Failure);
    let refused = ErrorKind::TokenRefused(Reply { code: 535, enhanced: None, text: String::new() });
    assert_row(Phase::Auth, vec![no_credentials(false), refused], TryNext, true, Failure);
}

#[test]
fn a_message() {
    let impossible =
        vec![ErrorKind::TooLarge { size: 2, limit: 1 }, ErrorKind::NeedsSmtpUtf8, ErrorKind::Needs8BitMime];
    assert_row(Phase::Mail, impossible, TryNext, false, HealthImpact::None);
    assert_row(Phase::Mail, vec![ErrorKind::LineEnds], Rejected, true, HealthImpact::None);
    for phase in [Phase::Mail, Phase::Data, Phase::EndOfData] {
        assert_row(phase, vec![code(550), code(554)], Rejected, true, HealthImpact::None);
        assert_row(phase, vec![code(450), code(452)], TryNext, true, HealthImpact::None);
    }
    for phase in [Phase::Mail, Phase::Rcpt, Phase::Data] {
        assert_row(phase, accidents(), TryNext, true, Failure);
    }
    assert_row(Phase::Data, vec![ErrorKind::Cancelled], TryNext, true, HealthImpact::None);
}

#[test]
fn a_recipient() {
    assert_row(Phase::Rcpt, vec![code(550), code(553)], Rejected, true, HealthImpact::None);
    assert_row(Phase::Rcpt, vec![code(450), code(452)], TryNext, true, HealthImpact::None);
}

#[test]
fn the_end() {
    assert_row(Phase::EndOfData, vec![code(250)], Accepted, true, Healthy);
    assert_row(Phase::EndOfData, accidents(), Unknown, true, Failure);
    assert_row(Phase::EndOfData, vec![code(354)], Unknown, true, Failure);
}
