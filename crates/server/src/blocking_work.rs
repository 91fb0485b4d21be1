//! Work that may never end, such as reading from a network file system that does not answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

/// Runs such work on a thread of its own, one at a time. Clones share the turn.
#[derive(Debug, Clone, Default)]
pub struct BlockingWork(Arc<Mutex<()>>);

/// It did not end in time, or earlier work has not ended yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedOut;

impl BlockingWork {
    /// The result of `work`, waited for no longer than `limit`. Work that does not end keeps its thread and its turn, so
    /// however often it is asked for, it takes one thread.
    ///
    /// # Errors
    /// It took too long.
    pub async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TimedOut> {
        let turn = Arc::clone(&self.0);
        let ended = timeout(limit, async {
            let turn = turn.lock_owned().await;
            tokio::task::spawn_blocking(move || {
                let _turn = turn;
                work()
            })
            .await
        });
        match ended.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(panicked)) if panicked.is_panic() => std::panic::resume_unwind(panicked.into_panic()),
            // The runtime stops.
            Ok(Err(_)) | Err(_) => Err(TimedOut),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn work_that_does_not_end_takes_one_thread() {
        let work = BlockingWork::default();
        let (release, wait) = channel::<()>();
        let stuck = move || wait.recv().is_ok();
        assert_eq!(work.run(Duration::from_millis(20), stuck).await, Err(TimedOut));
        assert_eq!(work.run(Duration::from_millis(20), || ()).await, Err(TimedOut));
        release.send(()).unwrap();
        assert_eq!(work.run(Duration::from_secs(20), || 7).await, Ok(7));
    }
}
