//! How fast messages may follow each other: as configured, and as the server says.

use std::collections::VecDeque;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// The pause after the first message that was refused for the rate; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// When messages were sent in the last minute, and whether the server wants a pause.
#[derive(Debug, Default)]
pub(super) struct Pace {
    per_minute: Option<usize>,
    sent: VecDeque<Duration>,
    resumes: Duration,
    pauses: u32,
}

impl Pace {
    /// At most so many messages in any minute.
    pub(super) fn new(per_minute: Option<usize>) -> Self {
        Self { per_minute, ..Self::default() }
    }

    /// Counts a message that is sent now.
    ///
    /// # Errors
    /// How long it has to wait.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let wait = self.wait(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        if self.per_minute.is_some() {
            self.sent.push_back(now);
        }
        Ok(())
    }

    /// The message that was counted then is sent now, or with `None` not at all.
    pub(super) fn correct(&mut self, counted: Duration, sent: Option<Duration>) {
        if let Some(at) = self.sent.iter().position(|time| *time == counted) {
            self.sent.remove(at);
        }
        if self.per_minute.is_some() {
            self.sent.extend(sent);
        }
    }

    /// How long a further message has to wait.
    pub(super) fn wait(&mut self, now: Duration) -> Duration {
        while self.sent.front().is_some_and(|sent| *sent + MINUTE <= now) {
            self.sent.pop_front();
        }
        let is_full = self.per_minute.is_some_and(|most| self.sent.len() >= most);
        let oldest = self.sent.front().filter(|_| is_full);
        let room = oldest.map_or(Duration::ZERO, |oldest| *oldest + MINUTE);
        room.max(self.resumes).saturating_sub(now)
    }

    /// The server refused a message for the rate.
    pub(super) fn slow_down(&mut self, now: Duration) {
        // Those that were under way together were refused for the same reason.
        if self.resumes > now {
            return;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(16)).min(LONGEST_PAUSE);
        self.resumes = now + pause;
        self.pauses += 1;
    }

    /// The server accepted a message.
    pub(super) fn get_on(&mut self, now: Duration) {
        if self.resumes <= now {
            self.pauses = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn no_minute_has_more_than_allowed() {
        let mut pace = Pace::new(Some(3));
        for (now, taken) in [
            (100, Ok(())),
            (110, Ok(())),
            (120, Ok(())),
            (130, Err(at(30))),
            (159, Err(at(1))),
            (160, Ok(())),
            (161, Err(at(9))),
            (300, Ok(())),
        ] {
            assert_eq!(pace.take(at(now)), taken, "{now}");
        }
        assert!((0..1000).all(|_| Pace::default().take(at(0)).is_ok()));
    }

    #[test]
    fn what_counts_is_when_a_message_is_sent() {
        let mut pace = Pace::new(Some(2));
        assert_eq!((pace.take(at(0)), pace.take(at(1))), (Ok(()), Ok(())));
        pace.correct(at(0), Some(at(40)));
        pace.correct(at(1), None);
        assert_eq!((pace.take(at(61)), pace.take(at(61))), (Ok(()), Err(at(39))));
        // It waited for longer than a minute.
        pace.correct(at(1), Some(at(62)));
        assert_eq!(pace.take(at(100)), Err(at(21)));
    }

    #[test]
    fn a_server_that_asks_for_it_gets_pauses_that_double_until_it_accepts_a_message() {
        let mut pace = Pace::default();
        pace.slow_down(at(10));
        pace.slow_down(at(11));
        assert_eq!(pace.take(at(11)), Err(at(1)));
        pace.get_on(at(11));
        assert_eq!(pace.take(at(12)), Ok(()));
        pace.slow_down(at(12));
        assert_eq!(pace.take(at(12)), Err(at(4)));
        pace.get_on(at(16));
        pace.slow_down(at(20));
        assert_eq!(pace.take(at(20)), Err(at(2)));
        for _ in 0..40 {
            pace.slow_down(at(1000));
            pace.resumes = at(0);
        }
        pace.slow_down(at(1000));
        assert_eq!(pace.take(at(1000)), Err(LONGEST_PAUSE));
    }
}
