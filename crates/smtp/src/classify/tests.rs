//! Every row of the table of failures, with another server left and without.

use std::io;
use std::time::Duration;

use super::{Classification, HealthImpact, RecipientStatus, classify};
use crate::{ErrorKind, Phase, Reply};

use HealthImpact::{AuthFailure, BriefFailure, Failure, Healthy};
use RecipientStatus::{Accepted, Deferred, Rejected, TryNext, Unknown};

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
    alone: RecipientStatus,
    health: HealthImpact,
) {
    for kind in causes {
        for (another, status) in [(true, status), (false, alone)] {
            assert_eq!(
                classify(phase, &kind, another),
                Classification { status, health },
                "{phase}, {kind}, another: {another}"
            );
        }
    }
}

#[test]
fn a_421_is_the_servers_own_business_in_every_phase() {
    for phase in Phase::ALL {
        assert_row(phase, vec![code(421)], TryNext, Deferred, BriefFailure);
    }
}

#[test]
fn before_a_message() {
    let refusals = || vec![code(450), code(554)];
    assert_row(
        Phase::Connect,
        vec![ErrorKind::Lookup(io::Error::other("?").into())],
        TryNext,
        Deferred,
        Failure,
    );
    for phase in [Phase::Connect, Phase::Greeting, Phase::Hello, Phase::Tls] {
        assert_row(phase, accidents(), TryNext, Deferred, Failure);
    }
    for phase in [Phase::Greeting, Phase::Hello, Phase::Tls] {
        assert_row(phase, refusals(), TryNext, Deferred, Failure);
    }
    let tls = vec![ErrorKind::StartTlsMissing, ErrorKind::StartTlsInjected, ErrorKind::Tls("?".to_owned())];
    assert_row(Phase::Tls, tls, TryNext, Deferred, Failure);
}

#[test]
fn logins() {
    assert_row(Phase::Auth, vec![code(535), code(534), code(530)], TryNext, Deferred, AuthFailure);
    assert_row(Phase::Mail, vec![code(530)], TryNext, Deferred, AuthFailure);
    assert_row(Phase::Auth, vec![code(454), code(432), code(500)], TryNext, Deferred, Failure);
    assert_row(Phase::Auth, accidents(), TryNext, Deferred, Failure);
    assert_row(
        Phase::Auth,
        vec![ErrorKind::PlaintextLogin, ErrorKind::NoMechanism(String::new())],
        TryNext,
        Deferred,
        Failure,
    );
}

#[test]
fn a_message() {
    let impossible =
        vec![ErrorKind::TooLarge { size: 2, limit: 1 }, ErrorKind::NeedsSmtpUtf8, ErrorKind::Needs8BitMime];
    assert_row(Phase::Mail, impossible, TryNext, Rejected, HealthImpact::None);
    assert_row(Phase::Mail, vec![ErrorKind::LineEnds], Rejected, Rejected, HealthImpact::None);
    for phase in [Phase::Mail, Phase::Data, Phase::EndOfData] {
        assert_row(phase, vec![code(550), code(554)], Rejected, Rejected, HealthImpact::None);
        assert_row(phase, vec![code(450), code(452)], TryNext, Deferred, HealthImpact::None);
    }
    for phase in [Phase::Mail, Phase::Rcpt, Phase::Data] {
        assert_row(phase, accidents(), TryNext, Deferred, Failure);
    }
    assert_row(Phase::Data, vec![ErrorKind::Cancelled], TryNext, Deferred, HealthImpact::None);
}

#[test]
fn a_recipient() {
    assert_row(Phase::Rcpt, vec![code(550), code(553)], Rejected, Rejected, HealthImpact::None);
    assert_row(Phase::Rcpt, vec![code(450), code(452)], TryNext, Deferred, HealthImpact::None);
}

#[test]
fn the_end() {
    assert_row(Phase::EndOfData, vec![code(250)], Accepted, Accepted, Healthy);
    assert_row(Phase::EndOfData, accidents(), Unknown, Unknown, Failure);
    assert_row(Phase::EndOfData, vec![code(354)], Unknown, Unknown, Failure);
}
