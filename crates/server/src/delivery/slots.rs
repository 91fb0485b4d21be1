//! How many attempts are made at the same time, and whose turn it is: sets of servers take turns, and so do callers, so that a dead
//! server or a busy caller holds up nobody else.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::outbox::Principal;

/// Attempts at the same time.
pub(super) const MAX_ATTEMPTS: usize = 96;

/// Of these, those through the same servers.
const MAX_IN_LANE: usize = 64;

/// Of these, those for messages that waited in the outbox: one that is sent by hand finds a place.
const MAX_BACKLOG_IN_LANE: usize = 48;

/// The slots of attempts. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Slots(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    used: usize,
    used_by_lane: HashMap<i64, usize>,
    waiting: BTreeMap<i64, Queue>,
}

/// Who waits for a slot in a lane: the callers in the order of their turns.
type Queue = VecDeque<(Principal, VecDeque<oneshot::Sender<Slot>>)>;

/// The right to make an attempt, until it is dropped.
pub(super) struct Slot {
    slots: Slots,
    lane: i64,
}

/// Makes an attempt, and holds `slot` as long as it may still look for a session. From then on a server keeps it waiting, perhaps for
/// minutes, and mails for other servers must not wait for that: the slot is given up, and `freed` is called.
pub(super) async fn hold_slot(
    attempt: impl Future<Output = ()>,
    slot: Option<Slot>,
    time_limit: Duration,
    freed: impl FnOnce(),
) {
    let mut attempt = pin!(attempt);
    if timeout(time_limit, &mut attempt).await.is_err() {
        drop(slot);
        freed();
        attempt.await;
    }
}

impl Slots {
    /// Waits for a slot. Where many wait, lanes with few attempts come first, and within a lane the callers take turns.
    pub(super) async fn acquire(&self, lane: i64, caller: Principal) -> Option<Slot> {
        let (sender, granted) = oneshot::channel();
        self.state().join(lane, caller, sender);
        self.grant();
        // A sender is not dropped without a slot.
        granted.await.ok()
    }

    /// A slot for a message that waited in the outbox, if one is free and nobody waits for it.
    pub(super) fn try_acquire(&self, lane: i64) -> Option<Slot> {
        let mut state = self.state();
        let may = state.has_free(lane, MAX_BACKLOG_IN_LANE) && !state.waiting.contains_key(&lane);
        may.then(|| {
            state.take(lane);
            Slot { slots: self.clone(), lane }
        })
    }

    /// Whether there is any free slot.
    pub(super) fn has_free(&self) -> bool {
        self.state().used < MAX_ATTEMPTS
    }

    /// Gives free slots to those who wait.
    fn grant(&self) {
        loop {
            let mut state = self.state();
            let Some((lane, sender)) = state.next() else { return };
            state.take(lane);
            drop(state);
            // One who no longer waits gives it back at once.
            drop(sender.send(Slot { slots: self.clone(), lane }));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_free(&self, lane: i64, limit: usize) -> bool {
        self.used < MAX_ATTEMPTS && self.used_by_lane.get(&lane).is_none_or(|used| *used < limit)
    }

    fn take(&mut self, lane: i64) {
        self.used += 1;
        *self.used_by_lane.entry(lane).or_default() += 1;
    }

    fn give_back(&mut self, lane: i64) {
        self.used -= 1;
        if let Some(used) = self.used_by_lane.get_mut(&lane) {
            *used -= 1;
            if *used == 0 {
                self.used_by_lane.remove(&lane);
            }
        }
    }

    fn join(&mut self, lane: i64, caller: Principal, sender: oneshot::Sender<Slot>) {
        let queue = self.waiting.entry(lane).or_default();
        match queue.iter_mut().find(|(one, _)| *one == caller) {
            Some((_, senders)) => senders.push_back(sender),
            None => queue.push_back((caller, VecDeque::from([sender]))),
        }
    }

    /// The next one of those who wait and may begin.
    fn next(&mut self) -> Option<(i64, oneshot::Sender<Slot>)> {
        let may = |lane: &i64| self.has_free(*lane, MAX_IN_LANE);
        let fewest = |lane: &i64| self.used_by_lane.get(lane).copied().unwrap_or_default();
        let lane = self.waiting.keys().copied().filter(may).min_by_key(fewest)?;
        let queue = self.waiting.get_mut(&lane)?;
        let (caller, mut senders) = queue.pop_front()?;
        let sender = senders.pop_front();
        if !senders.is_empty() {
            queue.push_back((caller, senders));
        }
        if queue.is_empty() {
            self.waiting.remove(&lane);
        }
        Some((lane, sender?))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.state().give_back(self.lane);
        self.slots.grant();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    const DEAD: i64 = 1;
    const ALIVE: i64 = 2;

    fn now(slots: &Slots, lane: i64) -> Option<Slot> {
        match pin!(slots.acquire(lane, Principal::Local)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(slot) => slot,
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_dead_server_leaves_slots_for_the_others() {
        let slots = Slots::default();
        let held: Vec<_> = std::iter::from_fn(|| now(&slots, DEAD)).collect();
        assert_eq!(held.len(), MAX_IN_LANE);
        let others: Vec<_> = std::iter::from_fn(|| now(&slots, ALIVE)).collect();
        assert_eq!(others.len(), MAX_ATTEMPTS - MAX_IN_LANE);
        drop(held);
        assert!(slots.has_free());
    }

    #[test]
    fn what_waited_leaves_room_for_what_is_sent_by_hand() {
        let slots = Slots::default();
        let backlog: Vec<_> = std::iter::from_fn(|| slots.try_acquire(ALIVE)).collect();
        assert_eq!(backlog.len(), MAX_BACKLOG_IN_LANE);
        assert!(now(&slots, ALIVE).is_some());
    }

    #[tokio::test]
    async fn callers_take_turns() {
        let slots = Slots::default();
        let mut held: Vec<_> = std::iter::from_fn(|| now(&slots, ALIVE)).collect();
        let wait = |caller| {
            let slots = slots.clone();
            tokio::spawn(async move {
                let _slot = slots.acquire(ALIVE, caller).await;
                caller
            })
        };
        let mut busy: Vec<_> = (0..5).map(|_| wait(Principal::Http)).collect();
        tokio::task::yield_now().await;
        let quiet = wait(Principal::Local);
        tokio::task::yield_now().await;
        // One turn for each of them.
        held.truncate(held.len() - 2);
        assert_eq!(quiet.await.unwrap(), Principal::Local);
        drop(held);
        for one in busy.drain(..) {
            assert_eq!(one.await.unwrap(), Principal::Http);
        }
    }

    #[tokio::test]
    async fn who_no_longer_waits_takes_no_slot() {
        let slots = Slots::default();
        let held: Vec<_> = std::iter::from_fn(|| now(&slots, ALIVE)).collect();
        assert!(now(&slots, ALIVE).is_none(), "its place in the queue is given up");
        drop(held);
        assert_eq!(std::iter::from_fn(|| now(&slots, ALIVE)).take(MAX_IN_LANE).count(), MAX_IN_LANE);
        assert_eq!(slots.state().used, 0);
    }
}
