//! Every commit of the outbox, with a process that dies before or after it, with a commit that fails or whose result is lost, and with
//! one that takes long: what becomes of the message.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use smtp_submission::CommitPoint;
use uuid::Uuid;

use super::super::operations::enqueue;
use super::fixture::{Fixture, address, all_of, clock, message, outcome};
use crate::config::{OutboxLocation, Retention};
use crate::outbox::fail_point::{Effect, Plan, plan};
use crate::outbox::{Claim, Filter, Hold, NewMessage, Outbox, Queued};
use crate::outcome::RecipientStatus::{self, Accepted, Deferred, Unknown};
use crate::outcome::State;

const TO: [&str; 2] = ["a@x.org", "b@x.org"];

/// A commit, and what is known when it is the last one.
struct Step {
    commit: &'static str,
    /// The message's state after it.
    state: Option<State>,
    /// The state after the process died: what was being sent is unknown.
    after_death: Option<State>,
}

const fn step(commit: &'static str, state: State) -> Step {
    let after_death = if matches!(state, State::Sending) { State::Unknown } else { state };
    Step { commit, state: Some(state), after_death: Some(after_death) }
}

/// The commits of [`Scenario::run`], in its order.
const STEPS: [Step; 23] = [
    Step { commit: "the tables", state: None, after_death: None },
    Step { commit: "the file is recognised", state: None, after_death: None },
    step("enqueue", State::Queued),
    step("claim", State::Sending),
    step("note", State::Sending),
    step("record: deferred", State::Queued),
    step("postpone", State::Queued),
    step("hold", State::Held),
    step("approve", State::Queued),
    step("claim", State::Sending),
    step("release", State::Queued),
    step("make due", State::Queued),
    step("claim", State::Sending),
    step("record: unknown", State::Unknown),
    step("retry", State::Queued),
    step("claim", State::Sending),
    step("cancel while it is being sent", State::Sending),
    step("record: deferred, so it is withdrawn; an earlier copy may have arrived", State::Unknown),
    step("retry", State::Queued),
    step("cancel", State::Unknown),
    step("retry", State::Queued),
    step("claim", State::Sending),
    step("record: accepted", State::Sent),
];

/// The message in the outbox of one process.
struct Scenario<'a> {
    outbox: &'a Outbox,
    id: Uuid,
}

impl Scenario<'_> {
    /// One commit after the other. A commit that fails is no failure: the writer runs its operation again.
    async fn run(&self, new: NewMessage) {
        let digest = new.message.digest;
        self.outbox.enqueue(new).await.unwrap();
        let claim = self.claim().await;
        self.outbox.note(&claim, vec![outcome(address(TO[0]), Accepted)]).await.unwrap();
        self.record(claim, Deferred).await;
        let deferred = vec![outcome(address(TO[1]), Deferred)];
        self.outbox.postpone(&self.queued().await, deferred, Duration::ZERO).await.unwrap();
        let hold = Hold { reasons: vec!["why".to_owned()], ttl: Duration::from_hours(1) };
        self.outbox.hold(&self.queued().await, hold).await.unwrap();
        self.outbox.approve(self.id, digest).await.unwrap();
        self.outbox.release(self.claim().await).await.unwrap();
        self.outbox.make_due().await.unwrap();
        self.record(self.claim().await, Unknown).await;
        self.retry_and_cancel().await;
    }

    async fn retry_and_cancel(&self) {
        self.outbox.retry(all_of(self.id)).await.unwrap();
        let claim = self.claim().await;
        self.outbox.cancel(self.id, None).await.unwrap();
        self.record(claim, Deferred).await;
        self.outbox.retry(all_of(self.id)).await.unwrap();
        self.outbox.cancel(self.id, None).await.unwrap();
        self.outbox.retry(all_of(self.id)).await.unwrap();
        self.record(self.claim().await, Accepted).await;
    }

    async fn queued(&self) -> Queued {
        let id = self.id;
        let found = self.outbox.engine.read(move |db, _| enqueue::find(db, id)).await;
        found.unwrap().unwrap()
    }

    async fn claim(&self) -> Claim {
        self.outbox.claim(&self.queued().await, &CommitPoint::new()).await.unwrap().unwrap()
    }

    /// The first recipient accepted, and the second one as given.
    async fn record(&self, claim: Claim, second: RecipientStatus) {
        let outcomes = [outcome(address(TO[0]), Accepted), outcome(address(TO[1]), second)];
        self.outbox.record(claim, &outcomes, Duration::ZERO).await.unwrap();
    }
}

const DIRECTORY: &str = "FAIL_POINT_DIRECTORY";
const PLAN: &str = "FAIL_POINT_PLAN";

/// The process to which it happens. It is a test so that it can be started: by itself it does nothing.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "it is how the process is told what to do")]
async fn child() {
    let (Ok(directory), Ok(planned)) = (std::env::var(DIRECTORY), std::env::var(PLAN)) else { return };
    let words: Vec<_> = planned.split(' ').collect();
    let effect = match words[2] {
        "Abort" => Effect::Abort,
        "Error" => Effect::Error,
        _ => Effect::Delay,
    };
    plan(Plan { commit: words[0].parse().unwrap(), is_after: words[1] == "true", effect });
    let location = OutboxLocation::File(Path::new(&directory).join("outbox.db"));
    let open = || Outbox::open(&location, clock());
    // Whoever finds that the outbox cannot be used starts the program again.
    let outbox = open().or_else(|_| open()).unwrap();
    outbox.serve(vec![super::fixture::ACCOUNT]).unwrap();
    let new = message(&TO, "one");
    Scenario { outbox: &outbox, id: new.id }.run(new).await;
}

fn run_child(directory: &Path, commit: usize, is_after: bool, effect: Effect) -> Output {
    let name = "outbox::tests::fail_points::child";
    Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(PLAN, format!("{commit} {is_after} {effect:?}"))
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_at_any_commit_loses_nothing_and_sends_nothing_twice() {
    for commit in 1..=STEPS.len() {
        for is_after in [false, true] {
            for effect in [Effect::Abort, Effect::Error, Effect::Delay] {
                let directory = tempfile::tempdir().unwrap();
                let ended = run_child(directory.path(), commit, is_after, effect);
                let what =
                    format!("{effect:?}, after: {is_after}, at {commit}: {}", STEPS[commit - 1].commit);
                let done = if is_after { commit } else { commit - 1 };
                let expected = if effect == Effect::Abort {
                    assert!(!ended.status.success(), "{what}: nothing happened");
                    done.checked_sub(1).and_then(|last| STEPS[last].after_death)
                } else {
                    assert!(ended.status.success(), "{what}: {ended:?}");
                    STEPS[STEPS.len() - 1].state
                };
                // The next process, which finds what the dead one left.
                let next = Fixture::file(directory.path(), &clock());
                next.outbox.recover().await.unwrap();
                let found = next.outbox.list(Filter { limit: 9, ..Filter::default() }).await.unwrap();
                let states: Vec<_> = found.iter().map(|email| email.state).collect();
                assert_eq!(states, expected.into_iter().collect::<Vec<_>>(), "{what}");
                assert!(next.outbox.check().await.unwrap().problems.is_empty(), "{what}");
                next.outbox.purge(Retention::default()).await.unwrap();
            }
        }
    }
}

/// The table has every commit of the scenario.
#[tokio::test]
async fn one_commit_more_is_none() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run_child(directory.path(), STEPS.len() + 1, false, Effect::Abort).status.success());
}
