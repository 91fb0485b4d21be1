//! What people and assistants can ask the outbox.

use uuid::Uuid;

use super::Outbox;
use super::error::OutboxError;
use super::operations::{claim, housekeeping, quota, read};
use super::owner::Living;
use super::results::{Integrity, Stats, Usage};
use super::types::{Email, Event, Filter, Principal, Version};
use super::writer::Priority;
use crate::address::Address;
use crate::config::Account;
use crate::message::Message;
use crate::outcome::State;
use crate::policy::{Judgement, Policy};

impl Outbox {
    /// The record of a message; of any principal's if `None`.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn get(&self, id: Uuid, principal: Option<Principal>) -> Result<Option<Email>, OutboxError> {
        let found = self.engine.read(move |db, _| read::get(db, id, principal)).await?;
        Ok(self.with_processes(found.into_iter().collect()).pop())
    }

    /// The history of a message, oldest first.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn history(&self, id: Uuid) -> Result<Vec<Event>, OutboxError> {
        self.engine.read(move |db, _| read::history(db, id)).await
    }

    /// The messages that match, newest first.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Email>, OutboxError> {
        let found = self.engine.read(move |db, _| read::list(db, &filter)).await?;
        Ok(self.with_processes(found))
    }

    /// What tells whether a message has changed. `None`: there is none of this principal.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn version(&self, id: Uuid, principal: Principal) -> Result<Option<Version>, OutboxError> {
        self.engine.read(move |db, _| read::version(db, id, principal)).await
    }

    /// The newest message of this principal.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn newest(&self, principal: Principal) -> Result<Option<Uuid>, OutboxError> {
        self.engine.read(move |db, _| read::newest(db, principal)).await
    }

    /// What waits.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn stats(&self) -> Result<Stats, OutboxError> {
        let (stats, lanes) =
            self.engine.read(|db, _| Ok((read::stats(db)?, read::queued_by_lane(db)?))).await?;
        let served = if lanes.is_empty() { Vec::new() } else { self.served()? };
        let unserved = lanes.iter().filter(|(accounts, _)| !can_send(&served, accounts));
        Ok(Stats { unserved: unserved.map(|(_, queued)| queued).sum(), ..stats })
    }

    /// How many messages were taken in the last hour and day.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn usage(&self) -> Result<Usage, OutboxError> {
        self.engine.read(quota::usage).await
    }

    /// The message as it was taken. `None`: there is none, or its content is no longer kept.
    ///
    /// # Errors
    /// The outbox cannot be read, or the message in it is damaged.
    pub async fn message(&self, id: Uuid) -> Result<Option<Message>, OutboxError> {
        let message = self.engine.read(move |db, _| claim::message(db, id)).await?;
        message.transpose().map_err(|error| OutboxError::Damaged(error.to_string()))
    }

    /// What `policy` says about a message to these recipients, with what is recorded of them.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn judge(&self, policy: &Policy, recipients: &[Address]) -> Result<Judgement, OutboxError> {
        let is_first_contact = if policy.asks_about_first_contacts() {
            self.first_contacts(recipients).await?
        } else {
            vec![false; recipients.len()]
        };
        Ok(policy.judge(recipients.iter().cloned().zip(is_first_contact)))
    }

    /// For each recipient, whether no message to it was accepted yet.
    async fn first_contacts(&self, recipients: &[Address]) -> Result<Vec<bool>, OutboxError> {
        loop {
            let recipients = recipients.to_vec();
            if let Some(found) = self.engine.read(move |db, _| read::first_contacts(db, &recipients)).await? {
                return Ok(found);
            }
            self.engine.write(Priority::Enqueue, 0, |db, _| read::index_contacts(db)).await?;
        }
    }

    /// How many messages wait or are being sent that this process can send.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn waiting(&self) -> Result<usize, OutboxError> {
        let accounts = self.engine.accounts();
        self.engine.read(move |db, _| claim::waiting(db, &accounts)).await
    }

    /// Checks the file, and counts the messages by state.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub async fn check(&self) -> Result<Integrity, OutboxError> {
        self.engine.read(|db, _| housekeeping::check(db)).await
    }

    /// The messages, with what processes do about those that wait or are being sent.
    fn with_processes(&self, found: Vec<read::Found>) -> Vec<Email> {
        let is_of_interest = |one: &read::Found| matches!(one.email.state, State::Queued | State::Sending);
        if !found.iter().any(is_of_interest) {
            return found.into_iter().map(|one| one.email).collect();
        }
        // The state is known also when the other processes cannot be seen.
        let (living, me) = (self.living().ok(), self.engine.owner());
        let served = living.as_ref().map(|living| accounts(living, self.engine.accounts()));
        let is_unserved = |lane: &[Account]| served.as_ref().is_some_and(|served| !can_send(served, lane));
        let emails = found.into_iter().map(|one| Email {
            is_unserved: one.email.state == State::Queued && is_unserved(&one.accounts),
            sending_by: one
                .owner
                .filter(|owner| *owner != me)
                .and_then(|owner| living.iter().flatten().find(|process| process.id == owner))
                .map(|found| found.process.clone()),
            ..one.email
        });
        emails.collect()
    }

    /// The accounts that this process or another living one can send with.
    pub(super) fn served(&self) -> Result<Vec<Account>, OutboxError> {
        Ok(accounts(&self.living()?, self.engine.accounts()))
    }
}

fn accounts(living: &[Living], own: Vec<Account>) -> Vec<Account> {
    living.iter().flat_map(|process| process.accounts.iter().copied()).chain(own).collect()
}

fn can_send(served: &[Account], lane: &[Account]) -> bool {
    lane.iter().any(|account| served.contains(account))
}
