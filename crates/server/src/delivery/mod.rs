//! Delivers messages, and answers their callers in time: with what is certain by then.

mod attempt;

use std::sync::Arc;
use std::time::Duration;

use smtp_submission::{CommitPoint, Phase};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::message::Message;
use crate::outcome::{Outcome, RecipientOutcome, RecipientStatus};
use crate::upstream::Snapshot;
use attempt::{Attempt, close};

/// The time between the end of a delivery's connection attempts and the answer.
const ANSWER_GRACE_PERIOD: Duration = Duration::from_secs(1);

const STILL_WAITING: &str = "still waiting for the server's answer to the end of the mail";

/// Delivers messages. Clones share its shutdown.
#[derive(Debug, Clone, Default)]
pub struct Deliveries {
    shutdown_deadline: CancellationToken,
}

impl Deliveries {
    /// Sends `message` through `servers`; returns within `wait` with what is known by then.
    ///
    /// Dropping the future does not stop the delivery. When `wait` is over, a delivery whose last byte was not sent is
    /// cancelled; otherwise it goes on in the background and its result is logged.
    pub async fn send(&self, servers: Arc<Snapshot>, message: Arc<Message>, wait: Duration) -> Outcome {
        let began = Instant::now();
        let open: Vec<_> = message.recipients.iter().cloned().map(RecipientOutcome::open).collect();
        let (progress, known) = watch::channel(open.clone());
        let commit_point = CommitPoint::new();
        let mut delivery = tokio::spawn({
            let commit_point = commit_point.clone();
            // The delivery ends before its caller is answered.
            let deadline = began + wait - (wait / 20).min(ANSWER_GRACE_PERIOD);
            async move {
                let on_progress =
                    |recipients: &[RecipientOutcome]| drop(progress.send_replace(recipients.to_vec()));
                let (servers, message, commit_point) = (&*servers, &*message, &commit_point);
                Attempt { servers, message, commit_point, deadline, on_progress: &on_progress }
                    .run(open)
                    .await
            }
        });
        let recipients = tokio::select! {
            ended = &mut delivery => match ended {
                Ok(recipients) => recipients,
                Err(_) => after_a_panic(known.borrow().clone(), &commit_point),
            },
            why = self.wait_limit(began + wait) => {
                let is_cancelled = commit_point.cancel();
                if is_cancelled {
                    delivery.abort();
                } else {
                    info!("a delivery continues without its caller");
                }
                out_of_time(known.borrow().clone(), is_cancelled, why)
            }
        };
        Outcome { recipients, duration: began.elapsed() }
    }

    /// Answers every call that waits for a delivery now, with what is known.
    pub fn shutdown_deadline(&self) {
        self.shutdown_deadline.cancel();
    }

    /// Returns when a caller can wait no longer, with the reason.
    async fn wait_limit(&self, deadline: Instant) -> &'static str {
        tokio::select! {
            () = sleep_until(deadline) => "the time ran out",
            () = self.shutdown_deadline.cancelled() => "the program is stopping",
        }
    }
}

/// What is known of the recipients when the caller can wait no longer.
fn out_of_time(recipients: Vec<RecipientOutcome>, is_cancelled: bool, why: &str) -> Vec<RecipientOutcome> {
    if !is_cancelled {
        return close(recipients, RecipientStatus::Unknown, Phase::EndOfData, STILL_WAITING);
    }
    let stopped = format!("stopped before its last byte was sent, because {why}");
    let with_reason = |mut recipient: RecipientOutcome| {
        // What an earlier server said stays.
        if recipient.status == RecipientStatus::TryNext && !recipient.reason.is_empty() {
            recipient.status = RecipientStatus::Deferred;
        }
        recipient
    };
    let recipients = recipients.into_iter().map(with_reason).collect();
    close(recipients, RecipientStatus::Deferred, Phase::Data, &stopped)
}

/// The status after a panic in a delivery: if its last byte was not sent, it was not sent.
fn after_a_panic(recipients: Vec<RecipientOutcome>, commit_point: &CommitPoint) -> Vec<RecipientOutcome> {
    let reason = "an error inside this program ended the delivery; please report it";
    let status = if commit_point.cancel() { RecipientStatus::Deferred } else { RecipientStatus::Unknown };
    close(recipients, status, Phase::Data, reason)
}
