//! A session with a server: after as many connection attempts as configured, within a time limit.

use std::time::Duration;

use smtp_submission::{Error, ErrorKind, Phase, PooledSession};
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::server::Upstream;

/// A server that had less time than this to answer is not counted as failed.
const MIN_CONNECT_TIME: Duration = Duration::from_secs(5);

/// The pause before the second connection attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

impl Upstream {
    /// A session that is connected and logged in. If the time runs out in a later attempt, the failure of the one
    /// before is returned.
    ///
    /// # Errors
    /// There is none within `time_limit`.
    pub async fn session(&self, time_limit: Duration) -> Result<PooledSession, Error> {
        let deadline = Instant::now() + time_limit;
        let mut left = self.config.max_retries;
        let mut pause = FIRST_PAUSE;
        let mut known = None;
        loop {
            let time_left = deadline.saturating_duration_since(Instant::now());
            let failure = match self.pool.connect_within(time_left).await {
                Ok(session) => return Ok(session),
                Err(failure) if Instant::now() >= deadline => {
                    return Err(known.unwrap_or_else(|| self.out_of_time(failure)));
                }
                Err(failure) => failure,
            };
            let may_pass = matches!(failure.phase(), Phase::Connect | Phase::Greeting);
            if left == 0 || !may_pass || Instant::now() + pause >= deadline {
                return Err(failure);
            }
            debug!(server = self.name(), error = %failure, pause_ms = pause.as_millis(), "connecting again");
            sleep(pause).await;
            known = Some(failure);
            left -= 1;
            pause *= 2;
        }
    }

    /// A call that waited long for a connection, or started late, has little time left: that says nothing about the server.
    fn out_of_time(&self, failure: Error) -> Error {
        let ErrorKind::TimedOut(given) = failure.kind() else {
            return failure;
        };
        let is_fair = *given >= MIN_CONNECT_TIME.min(self.config.timeout);
        let whole_seconds = if given.as_secs() == 0 { *given } else { Duration::from_secs(given.as_secs()) };
        let kind = if is_fair { ErrorKind::TimedOut(whole_seconds) } else { ErrorKind::Cancelled };
        Error::new(failure.phase(), kind)
    }
}
