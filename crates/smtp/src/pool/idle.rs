//! Idle sessions: taken again while they live, closed when their time is over.

use std::sync::Weak;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Shared;
use crate::Session;

/// The idle sessions, the oldest first.
#[derive(Default)]
pub(super) struct IdleSessions(Vec<IdleSession>);

pub(super) struct IdleSession {
    session: Session,
    since: Duration,
}

impl IdleSessions {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// From `now` on it is idle.
    pub(super) fn put(&mut self, now: Duration, session: Session) {
        self.0.push(IdleSession { session, since: now });
    }

    /// The one that was used last, if its time is not over and it looks alive.
    pub(super) fn take(&mut self, now: Duration, timeout: Duration) -> Option<Session> {
        while let Some(IdleSession { mut session, since }) = self.0.pop() {
            if now.saturating_sub(since) < timeout && session.looks_alive() {
                session.note_idleness();
                return Some(session);
            }
        }
        None
    }

    pub(super) fn take_all(&mut self) -> Vec<IdleSession> {
        std::mem::take(&mut self.0)
    }

    /// Removes those whose time is over. Returns how long the next one has; `None`: none is left.
    pub(super) fn expire(
        &mut self,
        now: Duration,
        timeout: Duration,
    ) -> (Vec<IdleSession>, Option<Duration>) {
        let kept = self.0.partition_point(|idle| now.saturating_sub(idle.since) >= timeout);
        let expired = self.0.drain(..kept).collect();
        let next = self.0.first().map(|oldest| (oldest.since + timeout).saturating_sub(now));
        (expired, next)
    }
}

/// Closes idle sessions when their time is over, as long as there are any.
pub(super) async fn reap(shared: Weak<Shared>) {
    loop {
        let Some(strong) = shared.upgrade() else {
            return;
        };
        let (expired, next) = strong.expire();
        drop(strong);
        quit_all(expired).await;
        match next {
            Some(next) => sleep(next).await,
            None => return,
        }
    }
}

pub(super) async fn quit_all(idle: Vec<IdleSession>) {
    let mut quits: JoinSet<()> = idle.into_iter().map(|idle| idle.session.quit()).collect();
    while quits.join_next().await.is_some() {}
}

/// Sends QUIT and closes, in the background.
pub(super) fn close_in_background(session: Session) {
    spawn(session.quit());
}

/// Runs only if there is a runtime; a session dropped outside of one is closed without QUIT.
pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(task);
    }
}
