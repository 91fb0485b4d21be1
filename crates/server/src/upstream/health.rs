//! A server's health after failures and successes. Pure; times are passed in.

use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use smtp_submission::HealthImpact;

use super::report::Availability;

/// The first back-off after a failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
/// The longest back-off.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// How often a refused login may be tried again on request.
const AUTH_RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// The failures of one server.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    failures: u32,
    since: Option<Instant>,
    until: Option<Instant>,
    login_refused: Option<Instant>,
    last_failure: Option<DateTime<FixedOffset>>,
}

impl Health {
    /// Records the impact of a session that `began` then.
    ///
    /// Sessions that were open at the same time fail together: only one that began after the last failure
    /// extends the back-off.
    pub(super) fn note(
        &mut self,
        impact: HealthImpact,
        began: Instant,
        at: Instant,
        date: DateTime<FixedOffset>,
    ) {
        match impact {
            HealthImpact::None => return,
            HealthImpact::Healthy => return self.recover(began),
            HealthImpact::BriefFailure => self.back_off(FIRST_BACKOFF, at),
            HealthImpact::Failure if self.since.is_some_and(|since| began < since) => {}
            HealthImpact::Failure => {
                self.failures = self.failures.saturating_add(1);
                self.since = Some(at);
                self.back_off(backoff(self.failures), at);
            }
            HealthImpact::AuthFailure => self.login_refused = Some(at),
        }
        self.last_failure = Some(date);
    }

    /// A session that began before the login was refused used an earlier login: it does not lift the pause.
    fn recover(&mut self, began: Instant) {
        let login_refused = self.login_refused.filter(|refused| began <= *refused);
        *self = Self { login_refused, last_failure: self.last_failure, ..Self::default() };
    }

    fn back_off(&mut self, pause: Duration, at: Instant) {
        let until = at + pause;
        self.until = Some(self.until.map_or(until, |known| known.max(until)));
    }

    /// Whether the server may be used at `at`.
    pub(super) fn availability(&self, at: Instant) -> Availability {
        if self.login_refused.is_some() {
            return Availability::Paused;
        }
        match self.backoff_remaining(at) {
            Some(_) => Availability::BackOff,
            None => Availability::Available,
        }
    }

    /// How long the back-off still lasts.
    pub(super) fn backoff_remaining(&self, at: Instant) -> Option<Duration> {
        let remaining = self.until?.saturating_duration_since(at);
        (!remaining.is_zero()).then_some(remaining)
    }

    /// When it failed last.
    pub(super) fn last_failure(&self) -> Option<DateTime<FixedOffset>> {
        self.last_failure
    }

    /// How long until a refused login may be tried again on request.
    pub(super) fn auth_retry_after(&self, at: Instant) -> Option<Duration> {
        let remaining = (self.login_refused? + AUTH_RETRY_INTERVAL).saturating_duration_since(at);
        (!remaining.is_zero()).then_some(remaining)
    }

    /// Forgets failures, but not a refused login: only a success or a new configuration lifts that.
    pub(super) fn forget_failures(&mut self) {
        *self =
            Self { login_refused: self.login_refused, last_failure: self.last_failure, ..Self::default() };
    }
}

/// 5 s, doubling to 5 min.
fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    struct TestServer {
        clock: Clock,
        health: Health,
    }

    impl TestServer {
        fn new() -> Self {
            Self { clock: Clock::manual(DateTime::default()), health: Health::default() }
        }

        fn note(&mut self, impact: HealthImpact) {
            self.note_since(impact, self.clock.instant());
        }

        fn note_since(&mut self, impact: HealthImpact, began: Instant) {
            self.health.note(impact, began, self.clock.instant(), self.clock.now());
        }

        fn rest(&self) -> u64 {
            self.health.backoff_remaining(self.clock.instant()).map_or(0, |rest| rest.as_secs())
        }

        fn availability(&self) -> Availability {
            self.health.availability(self.clock.instant())
        }
    }

    #[test]
    fn back_off_doubles_from_5_s_to_5_min_and_a_success_ends_it() {
        let mut server = TestServer::new();
        for expected in [5, 10, 20, 40, 80, 160, 300, 300] {
            server.note(HealthImpact::Failure);
            assert_eq!(server.rest(), expected);
            assert_eq!(server.availability(), Availability::BackOff);
            server.clock.advance(Duration::from_secs(expected));
            assert_eq!(server.availability(), Availability::Available);
        }
        server.note(HealthImpact::Healthy);
        server.note(HealthImpact::Failure);
        assert_eq!(server.rest(), 5);
    }

    #[test]
    fn calls_that_fail_together_are_one_failure() {
        let mut server = TestServer::new();
        let began = server.clock.instant();
        server.clock.advance(Duration::from_secs(1));
        for _ in 0..64 {
            server.note_since(HealthImpact::Failure, began);
        }
        assert_eq!(server.rest(), 5);
        server.note(HealthImpact::Failure);
        assert_eq!(server.rest(), 10, "a further attempt");
    }

    #[test]
    fn a_brief_failure_never_extends_the_back_off() {
        let mut server = TestServer::new();
        for _ in 0..5 {
            server.note(HealthImpact::BriefFailure);
            assert_eq!(server.rest(), 5);
            server.clock.advance(Duration::from_secs(5));
        }
    }

    #[test]
    fn no_impact_changes_nothing() {
        let mut server = TestServer::new();
        server.note(HealthImpact::None);
        assert_eq!(server.availability(), Availability::Available);
        server.note(HealthImpact::Failure);
        server.note(HealthImpact::None);
        assert_eq!(server.availability(), Availability::BackOff);
    }

    #[test]
    fn a_refused_login_pauses_until_a_success_and_is_tried_once_a_minute_at_most() {
        let mut server = TestServer::new();
        server.note(HealthImpact::AuthFailure);
        let retry_after = |server: &TestServer| {
            server.health.auth_retry_after(server.clock.instant()).map(|rest| rest.as_secs())
        };
        assert_eq!((server.availability(), retry_after(&server)), (Availability::Paused, Some(60)));
        server.clock.advance(Duration::from_secs(3600));
        server.health.forget_failures();
        assert_eq!((server.availability(), retry_after(&server)), (Availability::Paused, None));
        server.note(HealthImpact::Healthy);
        assert_eq!(server.availability(), Availability::Available);
    }
}
