//! Where tests make a commit fail: before it, or after it, when only its result is lost.

/// Runs a commit.
#[cfg(not(test))]
pub(super) fn around(commit: impl FnOnce() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    commit()
}

#[cfg(test)]
pub(super) use planned::{Effect, Plan, around, plan};

#[cfg(test)]
mod planned {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// What happens at a commit.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(in crate::outbox) enum Effect {
        Abort,
        Error,
        Delay,
    }

    /// At which commit of this process something happens.
    #[derive(Debug, Clone, Copy)]
    pub(in crate::outbox) struct Plan {
        /// Counted from 1.
        pub(in crate::outbox) commit: usize,
        pub(in crate::outbox) is_after: bool,
        pub(in crate::outbox) effect: Effect,
    }

    static PLAN: OnceLock<Plan> = OnceLock::new();
    static COMMITS: AtomicUsize = AtomicUsize::new(0);

    /// Something is to happen in this process.
    pub(in crate::outbox) fn plan(plan: Plan) {
        PLAN.set(plan).expect("one plan in a process");
    }

    /// Runs a commit, and before or after it what was planned.
    pub(in crate::outbox) fn around(commit: impl FnOnce() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
        let number = COMMITS.fetch_add(1, Ordering::Relaxed) + 1;
        let planned = PLAN.get().filter(|plan| plan.commit == number);
        if let Some(plan) = planned.filter(|plan| !plan.is_after) {
            happen(plan.effect)?;
        }
        commit()?;
        planned.filter(|plan| plan.is_after).map_or(Ok(()), |plan| happen(plan.effect))
    }

    fn happen(effect: Effect) -> rusqlite::Result<()> {
        match effect {
            Effect::Abort => std::process::abort(),
            Effect::Error => {
                let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
                Err(rusqlite::Error::SqliteFailure(code, Some("as a test wants it".to_owned())))
            }
            Effect::Delay => {
                std::thread::sleep(Duration::from_millis(20));
                Ok(())
            }
        }
    }
}
