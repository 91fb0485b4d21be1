//! The processes that share the outbox: which are alive, and what is left of those that are dead.

use std::io;
use std::path::Path;

use tracing::{info, warn};

use super::Outbox;
use super::error::OutboxError;
use super::operations::recover;
use super::owner::{self, Dead, Living, OwnerId};
use super::types::Process;
use super::writer::Priority;
use crate::config::Account;
use crate::file::too_many::explained;

impl Outbox {
    /// Says which accounts this process can send with. Other processes can read it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn serve(&self, accounts: Vec<Account>) -> Result<(), OutboxError> {
        self.engine.serve(accounts)
    }

    /// Ends attempts that nobody will finish: those of processes that are dead, and those of this process that none of its tasks
    /// holds. How many there were.
    ///
    /// # Errors
    /// The outbox or the directory of its owners cannot be used.
    pub async fn recover(&self) -> Result<usize, OutboxError> {
        let me = self.engine.owner();
        let (owners, own) =
            self.engine.read(move |db, _| Ok((recover::owners(db)?, recover::claims(db, me)?))).await?;
        let mut recovered = 0;
        for key in own.into_iter().filter(|key| !self.engine.claims.contains(*key)) {
            let run = move |db: &_, now| recover::give_up_lost(db, now, key);
            if self.engine.write(Priority::Record, 0, run).await? {
                warn!("an attempt of this program was lost, and is given up");
                recovered += 1;
            }
        }
        // An earlier id of this process has no file any more if someone removed it, but its claims go on.
        let is_own = |id: &OwnerId| *id == me || self.engine.claims.any_of(*id);
        let others: Vec<_> = owners.into_iter().filter(|id| !is_own(id)).collect();
        if !others.is_empty() {
            let dead = self.in_owners(|directory| owner::dead(directory, &others))?;
            recovered += self.end(dead).await?;
        }
        Ok(recovered)
    }

    /// Removes what processes that are dead left among the owners, also if they were sending nothing.
    pub(super) async fn forget_dead(&self) -> Result<(), OutboxError> {
        let me = self.engine.owner();
        let dead = self.in_owners(|directory| owner::all_dead(directory, me))?;
        self.end(dead).await.map(drop)
    }

    /// Ends the attempts of processes that are dead, and then removes their files; how many attempts there were.
    async fn end(&self, dead: Vec<Dead>) -> Result<usize, OutboxError> {
        let mut ended = 0;
        for process in dead {
            let id = process.id;
            let attempts =
                self.engine.write(Priority::Record, 0, move |db, now| recover::recover(db, now, id)).await?;
            process.forget();
            if attempts > 0 {
                info!(attempts, "attempts of a process that ended were given up");
            }
            ended += attempts;
        }
        Ok(ended)
    }

    /// The other processes that use the outbox and are alive.
    ///
    /// # Errors
    /// The directory of the owners cannot be read.
    pub fn processes(&self) -> Result<Vec<Process>, OutboxError> {
        Ok(self.living()?.into_iter().map(|living| living.process).collect())
    }

    pub(super) fn living(&self) -> Result<Vec<Living>, OutboxError> {
        let me = self.engine.owner();
        self.in_owners(|directory| owner::living(directory, me))
    }

    /// What `look` finds in the directory of the owners; in memory there is none.
    fn in_owners<T: Default>(&self, look: impl FnOnce(&Path) -> io::Result<T>) -> Result<T, OutboxError> {
        let Some(directory) = &self.engine.owners else { return Ok(T::default()) };
        look(directory)
            .map_err(|error| OutboxError::Failed(format!("{}: {}", directory.display(), explained(error))))
    }

    /// Removes this process's file among the owners, if it is sending nothing. From then on it serves no account.
    pub async fn leave(&self) {
        // A claim whose caller is gone is dropped when it is answered, and ends in the transaction after that.
        for _ in 0..2 {
            let _ = self.engine.write(Priority::Enqueue, 0, |_, _| Ok(())).await;
        }
        let me = self.engine.owner();
        let owners = self.engine.read(|db, _| recover::owners(db)).await;
        if owners.is_ok_and(|owners| !owners.contains(&me)) {
            self.engine.leave();
        }
        let _ = self.engine.serve(Vec::new());
    }

    /// Leaves, and closes the file; if no other process uses it, everything is in this one file then. No operation works afterwards.
    pub async fn close(&self) {
        self.leave().await;
        self.engine.close().await;
    }
}
