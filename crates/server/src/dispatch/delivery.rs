//! One message on its way: from server to server until each recipient has an end.

use std::time::Duration;

use smtp_submission::{
    CommitPoint, Content, Envelope, Error, ErrorKind, Path, PathError, Phase, PooledSession,
};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use super::attempt::Attempt;
use super::ledger::Ledger;
use super::route::{Stop, route};
use super::server::Server;
use super::setup::Setup;
use super::words;
use crate::address::Address;
use crate::message::Message;
use crate::outcome::Fate;

/// A server that did not answer in less time than this cannot be blamed for it.
const FAIR: Duration = Duration::from_secs(5);

/// The pause before the first further connection attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Takes `message` through the servers of `setup` and writes each recipient's end into `ledger`.
///
/// A recipient that stays open was taken by nobody and may be sent again.
pub(super) async fn deliver(
    setup: &Setup,
    message: &Message,
    commit_point: &CommitPoint,
    ledger: &Ledger,
    deadline: Instant,
) {
    let stops = route(setup, message);
    if stops.is_empty() {
        return ledger.close(Fate::Later, Phase::Connect, &words::no_server(setup, message), true);
    }
    for (position, stop) in stops.iter().enumerate() {
        if ledger.open().is_empty() || commit_point.is_cancelled() {
            return;
        }
        let left = stops.len() - position;
        // A server that hangs must leave time for those behind it.
        let patience = deadline.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(1);
        let attempt = Attempt::new(stop.server, ledger, left > 1);
        visit(stop, message, commit_point, &attempt, patience).await;
    }
}

/// Extensions the open recipients to one server.
async fn visit(
    stop: &Stop<'_>,
    message: &Message,
    commit_point: &CommitPoint,
    attempt: &Attempt<'_>,
    patience: Duration,
) {
    let envelope = match envelope(stop, message, attempt.open()) {
        Ok(envelope) => envelope,
        Err(error) => return attempt.refuse_all(&error.to_string()),
    };
    let ready = match connect(stop.server, patience).await {
        Ok(session) => session,
        Err(error) => return attempt.failed(&error),
    };
    let delivery = ready.deliver(&envelope, &content(stop, message), commit_point).await;
    attempt.ended(&delivery);
    // What this server decided is written down: whatever follows may be stopped again.
    commit_point.reset();
}

fn envelope(stop: &Stop<'_>, message: &Message, open: &[usize]) -> Result<Envelope, PathError> {
    let path = |address: &Address| Path::new(&address.to_string());
    let sender = Some(path(&stop.rendering.identity.address)?);
    let recipients = open.iter().map(|&at| path(&message.recipients[at])).collect::<Result<_, _>>()?;
    Ok(Envelope { sender, recipients })
}

fn content(stop: &Stop<'_>, message: &Message) -> Content {
    let chunks = vec![stop.rendering.header.clone(), message.content.clone()];
    Content { chunks, smtputf8: message.needs_smtputf8 }
}

/// A session with `server`, after as many attempts as it is configured for, within `patience`. Where the time runs out in a
/// further attempt, the failure of the one before tells more.
async fn connect(server: &Server, patience: Duration) -> Result<PooledSession, Error> {
    let deadline = Instant::now() + patience;
    let mut left = server.config.max_retries;
    let mut pause = FIRST_PAUSE;
    let mut known = None;
    loop {
        let Ok(turn) = timeout_at(deadline, server.pool.permit()).await else {
            return Err(known.unwrap_or(Error::new(Phase::Connect, ErrorKind::Busy(patience))));
        };
        let began = Instant::now();
        let failure = match timeout_at(deadline, turn?.connect()).await {
            Ok(Ok(ready)) => return Ok(ready),
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

/// Who waited long for a turn, or came late, has little time left: that says nothing about the server.
fn out_of_time(server: &Server, given: Duration) -> Error {
    let fair = given >= FAIR.min(server.config.timeout);
    let cause =
        if fair { ErrorKind::TimedOut(Duration::from_secs(given.as_secs())) } else { ErrorKind::Cancelled };
    Error::new(Phase::Connect, cause)
}
