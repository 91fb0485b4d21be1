//! Progress notifications of a call, if its client asked for them with a progress token.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext, RoleServer};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::delivery::{Progress, Stage};

/// How long a result waits for a client that does not read.
const LAST_GRACE_PERIOD: Duration = Duration::from_millis(500);

/// Tells a client how far its call is. Clones share the count.
#[derive(Clone, Default)]
pub(super) struct ProgressReporter(Option<Arc<Shared>>);

struct Shared {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    /// Notifications so far: the value has to increase.
    count: AtomicU32,
}

impl ProgressReporter {
    /// For the call of this request. It says nothing if the request has no progress token.
    pub(super) fn of(request: &RequestContext<RoleServer>) -> Self {
        let token = request.meta.get_progress_token();
        let shared = |token| Shared { peer: request.peer.clone(), token, count: AtomicU32::new(0) };
        Self(token.map(|token| Arc::new(shared(token))))
    }

    /// Runs `work`, and reports the stages of `progress` meanwhile.
    pub(super) async fn during<T>(&self, progress: Option<Progress>, work: impl Future<Output = T>) -> T {
        let (true, Some(progress)) = (self.0.is_some(), progress) else {
            return work.await;
        };
        let work_ended = CancellationToken::new();
        let (mut work, mut reports) = (pin!(work), pin!(self.reports(progress, &work_ended)));
        let done = tokio::select! {
            done = &mut work => done,
            () = &mut reports => return work.await,
        };
        work_ended.cancel();
        let _ = timeout(LAST_GRACE_PERIOD, reports).await;
        done
    }

    /// Reports every stage; those that were made before the work ended, too.
    async fn reports(&self, mut progress: Progress, work_ended: &CancellationToken) {
        loop {
            let next = tokio::select! {
                biased;
                next = progress.next() => next,
                () = work_ended.cancelled() => None,
            };
            let Some(stage) = next else { return };
            self.report(&words(&stage)).await;
        }
    }

    /// Reports what comes after the call.
    pub(super) async fn finally(&self, message: &str) {
        let _ = timeout(LAST_GRACE_PERIOD, self.report(message)).await;
    }

    async fn report(&self, message: &str) {
        let Some(shared) = &self.0 else { return };
        let count = shared.count.fetch_add(1, Ordering::Relaxed) + 1;
        let progress = ProgressNotificationParam::new(shared.token.clone(), f64::from(count));
        // A client that is gone needs no progress.
        let _ = shared.peer.notify_progress(progress.with_message(message)).await;
    }
}

fn words(stage: &Stage) -> String {
    match stage {
        Stage::Connecting(server) => format!("connecting to {server}"),
        Stage::Sending(server) => format!("sending through {server}"),
        Stage::Answered { done, all } => format!("{done} of {all} recipients done"),
    }
}
