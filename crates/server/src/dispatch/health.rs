//! A server's health: what failures and successes make of it. Pure; times are passed in.

use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use smtp_submission::HealthImpact as Effect;

use super::report::Condition;

/// The first back-off after a failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
/// The longest back-off.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// How often a refused login may be tried again when somebody asks for it.
const LOGIN_BRAKE: Duration = Duration::from_secs(60);

/// What is remembered of a server's failures.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    failures: u32,
    since: Option<Instant>,
    until: Option<Instant>,
    login_refused: Option<Instant>,
    last_failure: Option<DateTime<FixedOffset>>,
}

impl Health {
    /// Takes note of what a conversation that `began` then meant for the server's health.
    ///
    /// Conversations that were under way together fail together: only one that began after the last failure was known
    /// makes the back-off grow.
    pub(super) fn note(&mut self, effect: Effect, began: Instant, at: Instant, date: DateTime<FixedOffset>) {
        match effect {
            Effect::None => return,
            Effect::Healthy => return self.recover(began),
            Effect::BriefFailure => self.back_off(FIRST_BACKOFF, at),
            Effect::Failure if self.since.is_some_and(|since| began < since) => {}
            Effect::Failure => {
                self.failures = self.failures.saturating_add(1);
                self.since = Some(at);
                self.back_off(backoff(self.failures), at);
            }
            Effect::AuthFailure => self.login_refused = Some(at),
        }
        self.last_failure = Some(date);
    }

    /// A conversation that began before the login was refused ran on an earlier login: it lifts no pause.
    fn recover(&mut self, began: Instant) {
        let login_refused = self.login_refused.filter(|refused| began <= *refused);
        *self = Self { login_refused, last_failure: self.last_failure, ..Self::default() };
    }

    fn back_off(&mut self, pause: Duration, at: Instant) {
        let until = at + pause;
        self.until = Some(self.until.map_or(until, |known| known.max(until)));
    }

    /// Whether the server may be used at `at`.
    pub(super) fn condition(&self, at: Instant) -> Condition {
        if self.login_refused.is_some() {
            return Condition::Paused;
        }
        match self.backoff_remaining(at) {
            Some(_) => Condition::BackOff,
            None => Condition::Available,
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

    /// How long a login that somebody asks for must still wait after one that was refused.
    pub(super) fn login_brake(&self, at: Instant) -> Option<Duration> {
        let remaining = (self.login_refused? + LOGIN_BRAKE).saturating_duration_since(at);
        (!remaining.is_zero()).then_some(remaining)
    }

    /// Forgets failures, but not a refused login: only a success or another configuration lifts that.
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

    struct Patient {
        clock: Clock,
        health: Health,
    }

    impl Patient {
        fn new() -> Self {
            Self { clock: Clock::manual(DateTime::default()), health: Health::default() }
        }

        fn note(&mut self, effect: Effect) {
            self.note_since(effect, self.clock.instant());
        }

        fn note_since(&mut self, effect: Effect, began: Instant) {
            self.health.note(effect, began, self.clock.instant(), self.clock.now());
        }

        fn rest(&self) -> u64 {
            self.health.backoff_remaining(self.clock.instant()).map_or(0, |rest| rest.as_secs())
        }

        fn condition(&self) -> Condition {
            self.health.condition(self.clock.instant())
        }
    }

    #[test]
    fn back_off_doubles_from_5_s_to_5_min_and_a_success_ends_it() {
        let mut patient = Patient::new();
        for expected in [5, 10, 20, 40, 80, 160, 300, 300] {
            patient.note(Effect::Failure);
            assert_eq!(patient.rest(), expected);
            assert_eq!(patient.condition(), Condition::BackOff);
            patient.clock.advance(Duration::from_secs(expected));
            assert_eq!(patient.condition(), Condition::Available);
        }
        patient.note(Effect::Healthy);
        patient.note(Effect::Failure);
        assert_eq!(patient.rest(), 5);
    }

    #[test]
    fn calls_that_fail_together_are_one_failure() {
        let mut patient = Patient::new();
        let began = patient.clock.instant();
        patient.clock.advance(Duration::from_secs(1));
        for _ in 0..64 {
            patient.note_since(Effect::Failure, began);
        }
        assert_eq!(patient.rest(), 5);
        patient.note(Effect::Failure);
        assert_eq!(patient.rest(), 10, "a further attempt");
    }

    #[test]
    fn a_421_hurts_briefly_however_often() {
        let mut patient = Patient::new();
        for _ in 0..5 {
            patient.note(Effect::BriefFailure);
            assert_eq!(patient.rest(), 5);
            patient.clock.advance(Duration::from_secs(5));
        }
    }

    #[test]
    fn an_unhurt_server_stays_as_it_was() {
        let mut patient = Patient::new();
        patient.note(Effect::None);
        assert_eq!(patient.condition(), Condition::Available);
        patient.note(Effect::Failure);
        patient.note(Effect::None);
        assert_eq!(patient.condition(), Condition::BackOff);
    }

    #[test]
    fn a_refused_login_pauses_until_a_success_and_is_tried_once_a_minute_at_most() {
        let mut patient = Patient::new();
        patient.note(Effect::AuthFailure);
        let brake = |patient: &Patient| {
            patient.health.login_brake(patient.clock.instant()).map(|rest| rest.as_secs())
        };
        assert_eq!((patient.condition(), brake(&patient)), (Condition::Paused, Some(60)));
        patient.clock.advance(Duration::from_secs(3600));
        patient.health.forget_failures();
        assert_eq!((patient.condition(), brake(&patient)), (Condition::Paused, None));
        patient.note(Effect::Healthy);
        assert_eq!(patient.condition(), Condition::Available);
    }
}
