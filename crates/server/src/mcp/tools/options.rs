//! What a call of `send_email` asks for besides the mail.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta};

use crate::address::character::quoted;
use crate::outbox::Schedule;
use crate::request::SendEmailArgs;

/// The time limit from the call to its answer: a client gets it within 50 s.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(45);

/// How long a call waits for the outcome, if it does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// The longest key, in characters.
const MAX_KEY_CHARS: usize = 256;

/// How far ahead a mail may be scheduled.
const MAX_AHEAD: TimeDelta = TimeDelta::days(90);

/// The longest time in which a mail can be cancelled before it is sent.
const MAX_UNDO_SECONDS: f64 = 3600.0;

/// What a call asks for besides the mail.
pub(super) struct Options {
    pub(super) idempotency_key: Option<String>,
    pub(super) allow_duplicate: bool,
    pub(super) wait: Duration,
    pub(super) schedule: Schedule,
    /// In which offset from UTC the answer gives the time.
    pub(super) offset: Option<FixedOffset>,
    pub(super) all_or_nothing: bool,
}

impl Options {
    /// Takes them from the arguments. `undo` is the time to wait if the call does not say.
    ///
    /// # Errors
    /// Which one is wrong, and what is expected.
    pub(super) fn take(
        args: &mut SendEmailArgs,
        now: DateTime<FixedOffset>,
        undo: Duration,
    ) -> Result<Self, String> {
        let idempotency_key = args.idempotency_key.take();
        if idempotency_key.as_ref().is_some_and(|key| key.chars().count() > MAX_KEY_CHARS) {
            return Err(format!("idempotency_key: longer than {MAX_KEY_CHARS} characters"));
        }
        let send_at = args.send_at.take().map(|text| parse_send_at(&text, now)).transpose()?;
        let undo = match args.undo_seconds.take() {
            None => undo,
            Some(seconds) if (0.0..=MAX_UNDO_SECONDS).contains(&seconds) => Duration::from_secs_f64(seconds),
            Some(_) => return Err(format!("undo_seconds: expected 0 to {MAX_UNDO_SECONDS}")),
        };
        let schedule = match send_at {
            Some(at) => Schedule::At(at.to_utc()),
            None if undo.is_zero() => Schedule::Now,
            None => Schedule::After(undo),
        };
        let wait = match args.wait_seconds.take() {
            None => DEFAULT_WAIT,
            Some(seconds) if (0.0..=MAX_WAIT.as_secs_f64()).contains(&seconds) => {
                Duration::from_secs_f64(seconds)
            }
            Some(_) => return Err(format!("wait_seconds: expected 0 to {}", MAX_WAIT.as_secs())),
        };
        Ok(Self {
            idempotency_key,
            allow_duplicate: args.allow_duplicate.take().unwrap_or_default(),
            // Whoever waits to be able to cancel it must be answered before it is sent.
            wait: if schedule == Schedule::Now { wait } else { Duration::ZERO },
            schedule,
            offset: send_at.map(|at| *at.offset()),
            all_or_nothing: args.all_or_nothing.take().unwrap_or_default(),
        })
    }
}

fn parse_send_at(text: &str, now: DateTime<FixedOffset>) -> Result<DateTime<FixedOffset>, String> {
    let at = DateTime::parse_from_rfc3339(text.trim()).map_err(|_| {
        format!(
            "send_at: {} is not a time with an offset from UTC, such as 2027-01-31T09:00:00+01:00 or 2027-01-31T08:00:00Z",
            quoted(text)
        )
    })?;
    if at < now {
        return Err(format!(
            "send_at: {text} is in the past, it is {} now; leave it out to send at once",
            now.with_timezone(at.offset()).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        ));
    }
    if at > now + MAX_AHEAD {
        return Err(format!("send_at: {text} is more than {} days ahead", MAX_AHEAD.num_days()));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        send_at: &'static str,
        expected: Result<&'static str, &'static str>,
    }

    #[test]
    fn a_time_needs_an_offset_and_lies_within_90_days() {
        let now = DateTime::parse_from_rfc3339("2026-11-30T12:00:00Z").unwrap();
        let past = "is in the past, it is 2026-11-30T12:00:00Z now";
        let table = [
            Case { send_at: "2026-12-01T09:00:00+01:00", expected: Ok("2026-12-01T08:00:00+00:00") },
            Case { send_at: " 2026-12-01t09:00:00z ", expected: Ok("2026-12-01T09:00:00+00:00") },
            Case { send_at: "2026-11-30T12:00:00Z", expected: Ok("2026-11-30T12:00:00+00:00") },
            Case { send_at: "2027-02-28T12:00:00Z", expected: Ok("2027-02-28T12:00:00+00:00") },
            Case { send_at: "2026-11-30T11:59:59Z", expected: Err(past) },
            Case {
                send_at: "2026-11-30T12:30:00+01:00",
                expected: Err("it is 2026-11-30T13:00:00+01:00 now"),
            },
            Case { send_at: "2027-02-28T12:00:01Z", expected: Err("is more than 90 days ahead") },
            Case { send_at: "2026-12-01T09:00:00", expected: Err("is not a time with an offset") },
            Case { send_at: "tomorrow", expected: Err("\"tomorrow\" is not a time") },
        ];
        for case in table {
            match (parse_send_at(case.send_at, now), case.expected) {
                (Ok(at), Ok(expected)) => assert_eq!(at.to_utc().to_rfc3339(), expected),
                (Err(problem), Err(expected)) => assert!(problem.contains(expected), "{problem}"),
                other => panic!("{}: {other:?}", case.send_at),
            }
        }
    }
}
