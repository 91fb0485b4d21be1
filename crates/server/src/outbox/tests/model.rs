//! Random commands against the outbox and against a small model of it: after each command both say the same.

use std::time::Duration;

use proptest::prelude::*;
use smtp_submission::CommitPoint;
use uuid::Uuid;

use super::super::writer::Priority;
use super::fixture::{Fixture, address, all_of, clock, message, outcome};
use super::states::documented_transitions;
use crate::outbox::{Cancelled, Claim, Decided, Enqueued, Hold, NewMessage, Queued, Retried};
use crate::outcome::RecipientStatus::{self, Accepted, Deferred, Rejected, Unknown};
use crate::outcome::State;

const TO: [&str; 2] = ["a@x.org", "b@x.org"];
const PAUSE: u64 = 30;
const EXPIRES: u64 = 48 * 3600;
const TTL: u64 = 600;

#[derive(Debug, Clone)]
enum Command {
    Enqueue { key: Option<u8>, request: u8 },
    Claim(usize),
    Note(usize, [RecipientStatus; 2]),
    Record(usize, [RecipientStatus; 2]),
    Release(usize),
    Drop(usize, bool),
    Postpone(usize, bool),
    Retry(usize),
    Cancel(usize),
    Hold(usize),
    Approve(usize),
    Reject(usize),
    Advance(u64),
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let status = || prop::sample::select(vec![Accepted, Deferred, Rejected, Unknown]);
    let statuses = move || [status(), status()];
    let which = || 0..4_usize;
    let command = prop_oneof![
        3 => (prop::option::of(0..2_u8), 0..3_u8).prop_map(|(key, request)| Command::Enqueue { key, request }),
        4 => which().prop_map(Command::Claim),
        1 => (which(), statuses()).prop_map(|(which, statuses)| Command::Note(which, statuses)),
        4 => (which(), statuses()).prop_map(|(which, statuses)| Command::Record(which, statuses)),
        1 => which().prop_map(Command::Release),
        1 => (which(), any::<bool>()).prop_map(|(which, committed)| Command::Drop(which, committed)),
        2 => (which(), any::<bool>()).prop_map(|(which, refused)| Command::Postpone(which, refused)),
        2 => which().prop_map(Command::Retry),
        2 => which().prop_map(Command::Cancel),
        2 => which().prop_map(Command::Hold),
        2 => which().prop_map(Command::Approve),
        1 => which().prop_map(Command::Reject),
        2 => prop::sample::select(vec![1, PAUSE, 301, 3600, EXPIRES]).prop_map(Command::Advance),
    ];
    prop::collection::vec(command, 1..40)
}

/// A message as the model knows it.
struct Modeled {
    id: Uuid,
    key: Option<u8>,
    request: u8,
    created: u64,
    due: u64,
    expires: u64,
    attempts: u32,
    claim: Option<(Claim, CommitPoint)>,
    /// It waits for approval, until then.
    held: Option<u64>,
    is_approved: bool,
    /// It was cancelled while it is being sent.
    is_stopping: bool,
    /// Those who have not got it were withdrawn.
    withdrawn: [bool; 2],
    recipients: [(RecipientStatus, bool); 2],
}

impl Modeled {
    fn state(&self) -> State {
        match self.claim {
            Some(_) => State::Sending,
            None if self.held.is_some() => State::Held,
            None => match State::of(self.recipients.iter().map(|(status, _)| *status)) {
                State::Refused if self.withdrawn.contains(&true) => State::Cancelled,
                state => state,
            },
        }
    }

    /// Nobody else gets it.
    fn cancel(&mut self) {
        self.held = None;
        for (withdrawn, (status, doubt)) in self.withdrawn.iter_mut().zip(&mut self.recipients) {
            if *status == Deferred {
                (*status, *withdrawn) = if *doubt { (Unknown, false) } else { (Rejected, true) };
            }
        }
    }

    fn apply(&mut self, outcomes: [RecipientStatus; 2]) {
        for ((status, doubt), new) in self.recipients.iter_mut().zip(outcomes) {
            if *status != Deferred {
                continue;
            }
            *status = if new == Rejected && *doubt { Unknown } else { new };
            *doubt = match new {
                Accepted => false,
                Unknown => true,
                _ => *doubt,
            };
        }
    }

    /// The end of an attempt.
    fn settle(&mut self, now: u64, due: u64) {
        self.claim = None;
        self.due = due;
        if std::mem::take(&mut self.is_stopping) && self.state() == State::Queued {
            self.cancel();
        }
        if self.state() == State::Queued && now >= self.expires {
            for (status, doubt) in self.recipients.iter_mut().filter(|(status, _)| *status == Deferred) {
                *status = if *doubt { Unknown } else { Rejected };
            }
        }
    }
}

struct Run {
    fixture: Fixture,
    now: u64,
    messages: Vec<Modeled>,
}

impl Run {
    async fn step(&mut self, command: Command) {
        match command {
            Command::Enqueue { key, request } => self.enqueue(key, request).await,
            Command::Claim(which) => self.claim(which).await,
            Command::Note(which, statuses) => self.note(which, statuses).await,
            Command::Record(which, statuses) => self.record(which, statuses).await,
            Command::Release(which) => self.release(which).await,
            Command::Drop(which, committed) => self.drop_claim(which, committed).await,
            Command::Postpone(which, refused) => self.postpone(which, refused).await,
            Command::Retry(which) => self.retry(which).await,
            Command::Cancel(which) => self.cancel(which).await,
            Command::Hold(which) => self.hold(which).await,
            Command::Approve(which) => self.approve(which).await,
            Command::Reject(which) => self.reject(which).await,
            Command::Advance(seconds) => {
                self.now += seconds;
                self.fixture.clock.advance(Duration::from_secs(seconds));
                self.fixture.outbox.expire_approvals().await.unwrap();
                let now = self.now;
                let expired =
                    self.messages.iter_mut().filter(|one| one.held.is_some_and(|until| until <= now));
                expired.for_each(Modeled::cancel);
            }
        }
    }

    async fn enqueue(&mut self, key: Option<u8>, request: u8) {
        let new = NewMessage {
            idempotency_key: key.map(|key| key.to_string()),
            ..message(&TO, &request.to_string())
        };
        let id = new.id;
        let expected = self.earlier(key, request);
        match (self.fixture.outbox.enqueue(new).await.unwrap(), expected) {
            (Enqueued::New(queued), None) => assert_eq!(queued.id, id),
            (Enqueued::Earlier(earlier), Some((model, true))) if key.is_some() => assert_eq!(earlier, model),
            (Enqueued::Conflict(earlier, _), Some((model, false))) => assert_eq!(earlier, model),
            (Enqueued::PossibleDuplicate(earlier, _), Some((model, true))) => assert_eq!(earlier, model),
            other => panic!("{other:?}"),
        }
        if expected.is_none() {
            let (created, due, expires) = (self.now, self.now, self.now + EXPIRES);
            let recipients = [(Deferred, false); 2];
            self.messages.push(Modeled {
                id,
                key,
                request,
                created,
                due,
                expires,
                attempts: 0,
                claim: None,
                held: None,
                is_approved: false,
                is_stopping: false,
                withdrawn: [false; 2],
                recipients,
            });
        }
    }

    /// The earlier message that this one repeats, and whether it is the same request.
    fn earlier(&mut self, key: Option<u8>, request: u8) -> Option<(Uuid, bool)> {
        let mut newest_first = self.messages.iter_mut().rev();
        if let Some(key) = key {
            let found = newest_first.find(|one| one.key == Some(key))?;
            if matches!(found.state(), State::Refused | State::Cancelled) {
                found.key = None;
                return None;
            }
            return Some((found.id, found.request == request));
        }
        let is_recent = |one: &&mut Modeled| self.now < one.created + 300;
        newest_first
            .find(|one| {
                let may_be_repeated = matches!(one.state(), State::Refused | State::Cancelled);
                one.key.is_none() && one.request == request && is_recent(one) && !may_be_repeated
            })
            .map(|one| (one.id, true))
    }

    async fn queued(&self, which: usize) -> Option<Queued> {
        let one = self.messages.get(which)?;
        Some(self.fixture.queued(one.id).await)
    }

    async fn claim(&mut self, which: usize) {
        let Some(queued) = self.queued(which).await else { return };
        let commit_point = CommitPoint::new();
        let claimed = self.fixture.outbox.claim(&queued, &commit_point).await.unwrap();
        let one = &mut self.messages[which];
        assert_eq!(claimed.is_some(), one.state() == State::Queued);
        if let Some(claim) = claimed {
            one.claim = Some((claim, commit_point));
            one.attempts += 1;
        }
    }

    async fn note(&mut self, which: usize, statuses: [RecipientStatus; 2]) {
        let Some(one) = self.messages.get_mut(which) else { return };
        let Some((claim, _)) = &one.claim else { return };
        assert_eq!(self.fixture.outbox.note(claim, outcomes(statuses)).await.unwrap(), !one.is_stopping);
        one.apply(statuses);
    }

    async fn record(&mut self, which: usize, statuses: [RecipientStatus; 2]) {
        let Some(one) = self.messages.get_mut(which) else { return };
        let Some((claim, _)) = one.claim.take() else { return };
        let pause = Duration::from_secs(PAUSE);
        let state = self.fixture.outbox.record(claim, &outcomes(statuses), pause).await.unwrap();
        one.apply(statuses);
        one.settle(self.now, self.now + PAUSE);
        assert_eq!(state, Some(one.state()));
    }

    async fn release(&mut self, which: usize) {
        let Some(one) = self.messages.get_mut(which) else { return };
        let Some((claim, _)) = one.claim.take() else { return };
        assert!(self.fixture.outbox.release(claim).await.unwrap());
        one.attempts -= 1;
        one.settle(self.now, self.now);
    }

    async fn drop_claim(&mut self, which: usize, committed: bool) {
        let Some(one) = self.messages.get_mut(which) else { return };
        let Some((claim, commit_point)) = one.claim.take() else { return };
        if committed {
            assert!(commit_point.commit());
            one.apply([Unknown; 2]);
        } else {
            one.attempts -= 1;
        }
        drop(claim);
        one.settle(self.now, if committed { self.now } else { self.now + 60 });
        // The writer works in order: this is answered after the claim was given up.
        self.fixture.outbox.engine.write(Priority::Record, 0, |_, _| Ok(())).await.unwrap();
    }

    async fn postpone(&mut self, which: usize, refused: bool) {
        let Some(queued) = self.queued(which).await else { return };
        let statuses = [if refused { Rejected } else { Deferred }; 2];
        let pause = Duration::from_secs(PAUSE);
        let postponed = self.fixture.outbox.postpone(&queued, outcomes(statuses), pause).await.unwrap();
        let one = &mut self.messages[which];
        assert_eq!(postponed.is_some(), one.state() == State::Queued);
        if postponed.is_some() {
            one.attempts += 1;
            one.apply(statuses);
            one.settle(self.now, self.now + PAUSE);
        }
    }

    async fn retry(&mut self, which: usize) {
        let Some(one) = self.messages.get_mut(which) else { return };
        let retried = self.fixture.outbox.retry(all_of(one.id)).await.unwrap();
        let has_any = one
            .recipients
            .iter()
            .zip(one.withdrawn)
            .any(|((status, _), withdrawn)| *status != Accepted && !withdrawn);
        let may = has_any && matches!(one.state(), State::Unknown | State::Refused | State::Partial);
        assert_eq!(matches!(retried, Retried::Queued { .. }), may, "{retried:?}");
        if may {
            one.is_approved = false;
            for ((status, _), withdrawn) in one.recipients.iter_mut().zip(one.withdrawn) {
                if *status != Accepted && !withdrawn {
                    *status = Deferred;
                }
            }
            (one.attempts, one.due, one.expires) = (0, self.now, self.now + EXPIRES);
        }
    }

    async fn cancel(&mut self, which: usize) {
        let Some(one) = self.messages.get_mut(which) else { return };
        let state = one.state();
        let expected = match state {
            State::Queued | State::Held => Cancelled::Withdrawn,
            State::Sending => Cancelled::Stopping,
            _ => Cancelled::TooLate(state),
        };
        assert_eq!(self.fixture.outbox.cancel(one.id, None).await.unwrap(), expected);
        match expected {
            Cancelled::Withdrawn => one.cancel(),
            Cancelled::Stopping => one.is_stopping = true,
            _ => {}
        }
    }

    async fn hold(&mut self, which: usize) {
        let Some(queued) = self.queued(which).await else { return };
        let hold = Hold { reasons: vec!["why".to_owned()], ttl: Duration::from_secs(TTL) };
        let held = self.fixture.outbox.hold(&queued, hold).await.unwrap();
        let one = &mut self.messages[which];
        assert_eq!(held, one.state() == State::Queued);
        if held {
            (one.held, one.is_approved) = (Some(self.now + TTL), false);
        }
    }

    async fn approve(&mut self, which: usize) {
        let Some(one) = self.messages.get_mut(which) else { return };
        let message = self.fixture.outbox.message(one.id).await.unwrap().unwrap();
        let decided = self.fixture.outbox.approve(one.id, message.digest).await.unwrap();
        assert_eq!(decided == Decided::Done, one.state() == State::Held, "{decided:?}");
        if one.held.take().is_some() {
            (one.is_approved, one.due, one.expires) = (true, self.now, self.now + EXPIRES);
        }
    }

    async fn reject(&mut self, which: usize) {
        let Some(one) = self.messages.get_mut(which) else { return };
        let decided = self.fixture.outbox.reject(one.id, None).await.unwrap();
        assert_eq!(decided == Decided::Done, one.state() == State::Held, "{decided:?}");
        if one.held.is_some() {
            one.cancel();
        }
    }

    /// Both say the same.
    async fn compare(&self) {
        for one in &self.messages {
            let email = self.fixture.email(one.id).await;
            let statuses: Vec<_> = email.recipients.iter().map(|recipient| recipient.status).collect();
            assert_eq!(statuses, one.recipients.map(|(status, _)| status));
            assert_eq!((email.state, email.attempts), (one.state(), one.attempts));
            assert_eq!(email.is_stopping, one.is_stopping);
            assert_eq!(email.approval.is_some(), one.held.is_some());
            assert_eq!(self.fixture.queued(one.id).await.is_approved, one.is_approved);
        }
        let mut due = self.fixture.due().await;
        let is_due = |one: &&Modeled| one.state() == State::Queued && one.due <= self.now;
        let mut expected: Vec<_> = self.messages.iter().filter(is_due).map(|one| one.id).collect();
        due.sort_unstable();
        expected.sort_unstable();
        assert_eq!(due, expected);
    }
}

fn outcomes(statuses: [RecipientStatus; 2]) -> Vec<crate::outcome::RecipientOutcome> {
    TO.iter().zip(statuses).map(|(to, status)| outcome(address(to), status)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn the_outbox_does_what_its_model_does(commands in commands()) {
        let documented = documented_transitions();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let fixture = Fixture::file(directory.path(), &clock());
            let mut run = Run { fixture, now: 0, messages: Vec::new() };
            for command in commands {
                let before: Vec<_> = run.messages.iter().map(Modeled::state).collect();
                run.step(command).await;
                run.compare().await;
                let changes = before.into_iter().zip(run.messages.iter().map(Modeled::state));
                let changes = changes.filter(|(before, after)| before != after);
                for change in changes {
                    assert!(documented.contains(&change), "{change:?} is not in docs/outbox-states.md");
                }
            }
        });
    }
}
