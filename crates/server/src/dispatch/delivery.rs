//! Delivers one message: tries server after server until every recipient has a final status.

use std::time::Duration;

use smtp_submission::{
    CommitPoint, Content, Envelope, Error, ErrorKind, Path, PathError, Phase, PooledSession,
};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use super::advice;
use super::attempt::Attempt;
use super::delivery_state::DeliveryState;
use super::route::{Candidate, route};
use super::snapshot::Snapshot;
use super::upstream::Upstream;
use crate::address::Address;
use crate::message::Message;
use crate::outcome::RecipientStatus;

/// A server that had less time than this to answer is not counted as failed.
const MIN_CONNECT_TIME: Duration = Duration::from_secs(5);

/// The pause before the second connection attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Tries the servers of `snapshot` for `message` and records each recipient's status in `state`.
///
/// A recipient that stays open was not accepted by any server and may be sent to again.
pub(super) async fn deliver(
    snapshot: &Snapshot,
    message: &Message,
    commit_point: &CommitPoint,
    state: &DeliveryState,
    deadline: Instant,
) {
    let candidates = route(snapshot, message);
    if candidates.is_empty() {
        return state.close(
            RecipientStatus::Deferred,
            Phase::Connect,
            &advice::no_server(snapshot, message),
            true,
        );
    }
    for (position, candidate) in candidates.iter().enumerate() {
        if state.open().is_empty() || commit_point.is_cancelled() {
            return;
        }
        let left = candidates.len() - position;
        // A server that hangs must leave time for the next ones.
        let time_limit =
            deadline.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(1);
        let attempt = Attempt::new(candidate.server, state, left > 1);
        try_server(candidate, message, commit_point, &attempt, time_limit).await;
    }
}

/// Tries one server for the open recipients.
async fn try_server(
    candidate: &Candidate<'_>,
    message: &Message,
    commit_point: &CommitPoint,
    attempt: &Attempt<'_>,
    time_limit: Duration,
) {
    let envelope = match envelope(candidate, message, attempt.open()) {
        Ok(envelope) => envelope,
        Err(error) => return attempt.refuse_all(&error.to_string()),
    };
    let session = match connect(candidate.server, time_limit).await {
        Ok(session) => session,
        Err(error) => return attempt.failed(&error),
    };
    let delivery = session.deliver(&envelope, &content(candidate, message), commit_point).await;
    attempt.ended(&delivery);
    // This server's result is recorded; the next attempt can be cancelled again.
    commit_point.reset();
}

fn envelope(candidate: &Candidate<'_>, message: &Message, open: &[usize]) -> Result<Envelope, PathError> {
    let path = |address: &Address| Path::new(&address.to_string());
    let sender = Some(path(&candidate.variant.identity.address)?);
    let recipients = open.iter().map(|&at| path(&message.recipients[at])).collect::<Result<_, _>>()?;
    Ok(Envelope { sender, recipients })
}

fn content(candidate: &Candidate<'_>, message: &Message) -> Content {
    let chunks = vec![candidate.variant.header.clone(), message.content.clone()];
    Content { chunks, smtputf8: message.needs_smtputf8 }
}

/// A session with `server`, after as many attempts as configured, within `time_limit`. If the time runs out in a
/// later attempt, the failure of the one before is returned.
async fn connect(server: &Upstream, time_limit: Duration) -> Result<PooledSession, Error> {
    let deadline = Instant::now() + time_limit;
    let mut left = server.config.max_retries;
    let mut pause = FIRST_PAUSE;
    let mut known = None;
    loop {
        let Ok(permit) = timeout_at(deadline, server.pool.permit()).await else {
            return Err(known.unwrap_or(Error::new(Phase::Connect, ErrorKind::Busy(time_limit))));
        };
        let began = Instant::now();
        let failure = match timeout_at(deadline, permit?.connect()).await {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err(failure)) => failure,
            Err(_) => return Err(known.unwrap_or(out_of_time(server, began.elapsed()))),
        };
        let may_pass = matches!(failure.phase, Phase::Connect | Phase::Greeting);
        if left == 0 || !may_pass || Instant::now() + pause >= deadline {
            return Err(failure);
        }
        debug!(server = server.name(), error = %failure, pause_ms = pause.as_millis(), "connecting again");
        sleep(pause).await;
        known = Some(failure);
        left -= 1;
        pause *= 2;
    }
}

/// A call that waited long for a permit, or started late, has little time left: that says nothing about the server.
fn out_of_time(server: &Upstream, given: Duration) -> Error {
    let fair = given >= MIN_CONNECT_TIME.min(server.config.timeout);
    let cause =
        if fair { ErrorKind::TimedOut(Duration::from_secs(given.as_secs())) } else { ErrorKind::Cancelled };
    Error::new(Phase::Connect, cause)
}
