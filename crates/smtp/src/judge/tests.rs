//! Every row of the table of failures, with another server left and without.

use std::time::Duration;

use super::{Health, Judgement, Verdict, judge};
use crate::{Cause, Phase, Reply};

use Health::{Healthy, Hurt, HurtBriefly, Paused, Unhurt};
use Verdict::{Accepted, Later, NextServer, Refused, Unknown};

fn code(code: u16) -> Cause {
    Cause::Reply(Reply { code, enhanced: None, text: String::new() })
}

/// What the network does to us.
fn accidents() -> Vec<Cause> {
    let late = Cause::TimedOut(Duration::from_secs(1));
    vec![Cause::Closed, late, Cause::Io("reset".to_owned()), Cause::Garbage("?".to_owned())]
}

fn assert_row(phase: Phase, causes: Vec<Cause>, verdict: Verdict, alone: Verdict, health: Health) {
    for cause in causes {
        for (another, verdict) in [(true, verdict), (false, alone)] {
            assert_eq!(
                judge(phase, &cause, another),
                Judgement { verdict, health },
                "{phase}, {cause}, another: {another}"
            );
        }
    }
}

#[test]
fn a_421_is_the_servers_own_business_in_every_phase() {
    for phase in Phase::ALL {
        assert_row(phase, vec![code(421)], NextServer, Later, HurtBriefly);
    }
}

#[test]
fn before_a_message() {
    let refusals = || vec![code(450), code(554)];
    assert_row(Phase::Connect, vec![Cause::Lookup("?".to_owned())], NextServer, Later, Hurt);
    for phase in [Phase::Connect, Phase::Greeting, Phase::Hello, Phase::Tls] {
        assert_row(phase, accidents(), NextServer, Later, Hurt);
    }
    for phase in [Phase::Greeting, Phase::Hello, Phase::Tls] {
        assert_row(phase, refusals(), NextServer, Later, Hurt);
    }
    let tls = vec![Cause::StartTlsMissing, Cause::StartTlsInjected, Cause::Tls("?".to_owned())];
    assert_row(Phase::Tls, tls, NextServer, Later, Hurt);
}

#[test]
fn logins() {
    assert_row(Phase::Auth, vec![code(535), code(534), code(530)], NextServer, Later, Paused);
    assert_row(Phase::Mail, vec![code(530)], NextServer, Later, Paused);
    assert_row(Phase::Auth, vec![code(454), code(432), code(500)], NextServer, Later, Hurt);
    assert_row(Phase::Auth, accidents(), NextServer, Later, Hurt);
    assert_row(
        Phase::Auth,
        vec![Cause::PlaintextLogin, Cause::NoMechanism(String::new())],
        NextServer,
        Later,
        Hurt,
    );
}

#[test]
fn a_message() {
    let impossible = vec![Cause::TooLarge { size: 2, limit: 1 }, Cause::NeedsSmtpUtf8, Cause::Needs8BitMime];
    assert_row(Phase::Mail, impossible, NextServer, Refused, Unhurt);
    assert_row(Phase::Mail, vec![Cause::LineEnds], Refused, Refused, Unhurt);
    for phase in [Phase::Mail, Phase::Content, Phase::End] {
        assert_row(phase, vec![code(550), code(554)], Refused, Refused, Unhurt);
        assert_row(phase, vec![code(450), code(452)], NextServer, Later, Unhurt);
    }
    for phase in [Phase::Mail, Phase::Rcpt, Phase::Content] {
        assert_row(phase, accidents(), NextServer, Later, Hurt);
    }
    assert_row(Phase::Content, vec![Cause::Stopped], NextServer, Later, Unhurt);
}

#[test]
fn a_recipient() {
    assert_row(Phase::Rcpt, vec![code(550), code(553)], Refused, Refused, Unhurt);
    assert_row(Phase::Rcpt, vec![code(450), code(452)], NextServer, Later, Unhurt);
}

#[test]
fn the_end() {
    assert_row(Phase::End, vec![code(250)], Accepted, Accepted, Healthy);
    assert_row(Phase::End, accidents(), Unknown, Unknown, Hurt);
    assert_row(Phase::End, vec![code(354)], Unknown, Unknown, Hurt);
}
