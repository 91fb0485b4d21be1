//! What every engine must do: functions of an outbox, each run on a file and in memory.

use std::time::Duration;

use smtp_submission::CommitPoint;

use super::fixture::{ACCOUNT, Fixture, address, all_of, clock, message, outcome};
use crate::config::{Account, OnUnknown, Retention};
use crate::outbox::{
    Decided, EXPIRES_AFTER, Enqueued, Filter, Hold, NewMessage, OverQuota, Principal, Retried, Retry,
};
use crate::outcome::RecipientStatus::{Accepted, Deferred, Rejected, Unknown};
use crate::outcome::State;
use crate::policy::{Decision, Policy, Preset, Quota, RecipientPattern};

macro_rules! conformance {
    ($($test:ident)*) => {
        mod in_memory {
            use super::Fixture;
            $(#[tokio::test] async fn $test() { super::$test(&Fixture::memory()).await; })*
        }
        mod on_a_file {
            use super::{Fixture, clock};
            $(#[tokio::test] async fn $test() {
                let directory = tempfile::tempdir().unwrap();
                super::$test(&Fixture::file(directory.path(), &clock())).await;
            })*
        }
    };
}

conformance! {
    what_was_taken_is_read_back
    a_key_is_one_message
    a_refusal_binds_no_key
    the_same_request_without_a_key_is_a_possible_duplicate
    a_message_is_claimed_once
    only_the_holder_of_the_claim_records
    recipients_decide_the_state
    a_released_message_counts_no_attempt
    without_a_server_it_is_postponed
    it_expires_only_after_an_attempt
    a_clock_that_jumps_neither_loses_nor_hurries_a_message
    what_may_have_arrived_stays_in_doubt
    a_policy_decides_about_unknown_outcomes
    what_is_noted_survives_the_attempt
    a_late_answer_stops_whoever_has_not_claimed
    a_message_goes_only_to_its_accounts
    sets_of_accounts_take_turns
    what_is_retried_by_another_program_is_left_to_it
    a_claim_that_is_dropped_is_given_up
    lists_are_filtered_and_paged
    a_key_and_a_record_are_not_kept_for_ever
    a_large_content_is_read_back
    what_is_approved_too_late_is_cancelled
    a_window_frees_as_it_moves_on
    an_accepted_recipient_is_known
}

fn keyed(to: &[&str], request: &str) -> NewMessage {
    NewMessage { idempotency_key: Some("key".to_owned()), ..message(to, request) }
}

async fn what_was_taken_is_read_back(f: &Fixture) {
    let new = message(&["a@x.org", "b@x.org"], "one");
    let queued = f.enqueue(new.clone()).await;
    let loaded = f.outbox.load(&queued).await.unwrap().unwrap();
    assert_eq!(loaded.message, *new.message);
    assert_eq!(
        loaded.open.iter().map(|one| one.address.to_string()).collect::<Vec<_>>(),
        ["a@x.org", "b@x.org"]
    );
    let email = f.email(new.id).await;
    assert_eq!((email.state, email.subject.as_str(), email.attempts), (State::Queued, "one", 0));
    assert_eq!(email.message_id, new.message.message_id);
    assert_eq!(email.expires - email.created, chrono::TimeDelta::from_std(EXPIRES_AFTER).unwrap());
    assert_eq!(f.outbox.get(new.id, Some(Principal::Http)).await.unwrap(), None, "it is another principal's");
    assert_eq!(f.outbox.stats().await.unwrap().queued, 1);
    assert!(f.outbox.check().await.unwrap().problems.is_empty());
}

async fn a_key_is_one_message(f: &Fixture) {
    let first = f.enqueue(keyed(&["a@x.org"], "one")).await;
    let repeated = f.outbox.enqueue(keyed(&["a@x.org"], "one")).await.unwrap();
    assert_eq!(repeated, Enqueued::Earlier(first.id));
    let other = f.outbox.enqueue(keyed(&["a@x.org"], "two")).await.unwrap();
    assert_eq!(other, Enqueued::Conflict(first.id, State::Queued));
    let http = NewMessage { principal: Principal::Http, ..keyed(&["a@x.org"], "two") };
    assert!(matches!(f.outbox.enqueue(http).await.unwrap(), Enqueued::New(_)), "keys belong to a principal");
}

async fn a_refusal_binds_no_key(f: &Fixture) {
    f.attempted(keyed(&["a@x.org"], "one"), &[Rejected]).await;
    f.enqueue(keyed(&["a@x.org"], "two")).await;
    f.attempted(message(&["a@x.org"], "three"), &[Rejected]).await;
    f.enqueue(message(&["a@x.org"], "three")).await;
}

async fn the_same_request_without_a_key_is_a_possible_duplicate(f: &Fixture) {
    let first = f.enqueue(message(&["a@x.org"], "one")).await;
    let again = || f.outbox.enqueue(message(&["a@x.org"], "one"));
    assert_eq!(again().await.unwrap(), Enqueued::PossibleDuplicate(first.id, State::Queued));
    f.enqueue(NewMessage { allow_duplicate: true, ..message(&["a@x.org"], "one") }).await;
    f.enqueue(keyed(&["a@x.org"], "one")).await;
    f.enqueue(NewMessage { principal: Principal::Http, ..message(&["a@x.org"], "one") }).await;
    f.clock.advance(Duration::from_secs(299));
    assert!(matches!(again().await.unwrap(), Enqueued::PossibleDuplicate(..)));
    f.clock.advance(Duration::from_secs(2));
    assert!(matches!(again().await.unwrap(), Enqueued::New(_)));
}

async fn a_message_is_claimed_once(f: &Fixture) {
    let queued = f.enqueue(message(&["a@x.org"], "one")).await;
    let claim = f.claim(&queued).await;
    assert_eq!(f.state(queued.id).await, State::Sending);
    assert!(f.due().await.is_empty());
    assert!(f.outbox.load(&queued).await.unwrap().is_none(), "no session is opened for it any more");
    assert!(f.outbox.claim(&f.queued(queued.id).await, &CommitPoint::new()).await.unwrap().is_none());
    assert!(f.outbox.release(claim).await.unwrap());
    // The token has moved on: whoever saw the message before the first claim is late.
    assert!(f.outbox.claim(&queued, &CommitPoint::new()).await.unwrap().is_none());
    f.claim(&f.queued(queued.id).await).await;
}

async fn only_the_holder_of_the_claim_records(f: &Fixture) {
    let queued = f.enqueue(message(&["a@x.org"], "one")).await;
    let accepted = [outcome(address("a@x.org"), Accepted)];
    let claim = f.claim(&queued).await;
    let key = claim.key();
    assert_eq!(f.outbox.record(claim, &accepted, Duration::ZERO).await.unwrap(), Some(State::Sent));
    let late = super::super::operations::settle::ClaimKey { token: key.token + 1, ..key };
    let stolen = f
        .outbox
        .engine
        .write(super::super::writer::Priority::Record, 0, move |db, now| {
            super::super::operations::settle::record(db, now, late, &[], now)
        })
        .await;
    assert_eq!(stolen.unwrap(), None);
    assert_eq!(f.statuses(queued.id).await, "A");
}

async fn recipients_decide_the_state(f: &Fixture) {
    let to = ["a@x.org", "b@x.org"];
    for (statuses, state, shown) in [
        ([Accepted, Accepted], State::Sent, "AA"),
        ([Accepted, Rejected], State::Partial, "AR"),
        ([Rejected, Rejected], State::Refused, "RR"),
        ([Accepted, Deferred], State::Queued, "AD"),
        ([Unknown, Deferred], State::Queued, "UD"),
        ([Unknown, Accepted], State::Unknown, "UA"),
        ([Unknown, Rejected], State::Unknown, "UR"),
    ] {
        let new = NewMessage { allow_duplicate: true, ..message(&to, "one") };
        let queued = f.attempted(new, &statuses).await;
        let email = f.email(queued.id).await;
        assert_eq!((email.state, f.statuses(queued.id).await.as_str()), (state, shown));
        assert_eq!(email.ended.is_some(), state.is_final(), "{shown}");
        assert_eq!(email.attempts, 1);
        assert_eq!(email.recipients[0].server.as_ref().unwrap().name, "primary");
    }
}

async fn a_released_message_counts_no_attempt(f: &Fixture) {
    let queued = f.enqueue(message(&["a@x.org"], "one")).await;
    let claim = f.claim(&queued).await;
    assert!(f.outbox.release(claim).await.unwrap());
    let email = f.email(queued.id).await;
    assert_eq!((email.state, email.attempts), (State::Queued, 0));
    assert_eq!(f.due().await, [queued.id]);
}

async fn without_a_server_it_is_postponed(f: &Fixture) {
    let queued = f.enqueue(message(&["a@x.org"], "one")).await;
    let deferred = vec![outcome(address("a@x.org"), Deferred)];
    let pause = Duration::from_secs(30);
    let postponed = f.outbox.postpone(&queued, deferred.clone(), pause).await.unwrap();
    assert_eq!(postponed, Some(State::Queued));
    assert_eq!(
        f.outbox.postpone(&queued, deferred.clone(), pause).await.unwrap(),
        None,
        "once for each attempt"
    );
    assert!(f.due().await.is_empty());
    f.clock.advance(pause);
    assert_eq!(f.due().await, [queued.id]);
    let rejected = vec![outcome(address("a@x.org"), Rejected)];
    let queued = f.queued(queued.id).await;
    assert_eq!(f.outbox.postpone(&queued, rejected, pause).await.unwrap(), Some(State::Refused));
}

async fn it_expires_only_after_an_attempt(f: &Fixture) {
    let queued = f.enqueue(message(&["a@x.org"], "one")).await;
    f.clock.advance(EXPIRES_AFTER * 2);
    assert_eq!(f.due().await, [queued.id], "untried, whatever the clock says");
    let claim = f.claim(&queued).await;
    let deferred = [outcome(address("a@x.org"), Deferred)];
    assert_eq!(f.outbox.record(claim, &deferred, Duration::ZERO).await.unwrap(), Some(State::Refused));
    let reason = f.email(queued.id).await.recipients[0].reason.clone();
    assert_eq!(reason, "given up, because it could not be sent in time: why");
}

async fn a_clock_that_jumps_neither_loses_nor_hurries_a_message(f: &Fixture) {
    let hours = |hours| Duration::from_hours(hours);
    f.clock.advance(hours(8));
    let tried = f.attempted(message(&["a@x.org"], "one"), &[Deferred]).await;
    let untried = f.enqueue(message(&["a@x.org"], "two")).await;
    f.clock.turn_back(hours(8));
    assert_eq!(f.due().await, [untried.id, tried.id], "due in eight hours: the clock was wrong");
    f.clock.advance(hours(8));
    assert_eq!(f.due().await, [untried.id]);
    f.clock.advance(Duration::from_secs(30));
    assert_eq!(f.due().await, [untried.id, tried.id]);
}

async fn what_may_have_arrived_stays_in_doubt(f: &Fixture) {
    let queued = f.attempted(message(&["a@x.org", "b@x.org"], "one"), &[Unknown, Rejected]).await;
    let id = queued.id;
    let Retried::Queued { queued, recipients: 2, .. } = f.outbox.retry(all_of(id)).await.unwrap() else {
        panic!()
    };
    assert_eq!(f.outbox.retry(all_of(id)).await.unwrap(), Retried::NotNow(State::Queued));
    let claim = f.claim(&queued).await;
    let both = ["a@x.org", "b@x.org"].map(|to| outcome(address(to), Rejected));
    assert_eq!(f.outbox.record(claim, &both, Duration::ZERO).await.unwrap(), Some(State::Unknown));
    assert_eq!(f.statuses(id).await, "UR", "the first copy may have arrived, whatever became of the second");
    let Retried::Queued { queued, recipients: 2, .. } = f.outbox.retry(all_of(id)).await.unwrap() else {
        panic!()
    };
    let claim = f.claim(&queued).await;
    let both = ["a@x.org", "b@x.org"].map(|to| outcome(address(to), Accepted));
    assert_eq!(f.outbox.record(claim, &both, Duration::ZERO).await.unwrap(), Some(State::Sent));
    assert_eq!(f.outbox.retry(all_of(id)).await.unwrap(), Retried::NotNow(State::Sent));
    assert_eq!(f.outbox.retry(all_of(uuid::Uuid::nil())).await.unwrap(), Retried::NotFound);
    assert_eq!(
        f.outbox.retry(Retry { principal: Some(Principal::Http), ..all_of(id) }).await.unwrap(),
        Retried::NotFound
    );
}

async fn a_policy_decides_about_unknown_outcomes(f: &Fixture) {
    for (on_unknown, state, shown) in [
        (OnUnknown::Manual, State::Unknown, "U"),
        (OnUnknown::Retry, State::Queued, "D"),
        (OnUnknown::AssumeSent, State::Sent, "A"),
    ] {
        let new = NewMessage { on_unknown, allow_duplicate: true, ..message(&["a@x.org"], "one") };
        let queued = f.attempted(new, &[Unknown]).await;
        assert_eq!((f.state(queued.id).await, f.statuses(queued.id).await.as_str()), (state, shown));
    }
}

async fn what_is_noted_survives_the_attempt(f: &Fixture) {
    let queued = f.enqueue(message(&["a@x.org", "b@x.org"], "one")).await;
    let claim = f.claim(&queued).await;
    assert!(f.outbox.note(&claim, vec![outcome(address("a@x.org"), Accepted)]).await.unwrap());
    assert_eq!(f.statuses(queued.id).await, "AD");
    assert!(f.outbox.release(claim).await.unwrap());
    let loaded = f.outbox.load(&f.queued(queued.id).await).await.unwrap().unwrap();
    assert_eq!(loaded.open.len(), 1, "only the other one is sent to");
}

async fn a_late_answer_stops_whoever_has_not_claimed(f: &Fixture) {
    let queued = f.enqueue(message(&["a@x.org", "b@x.org"], "one")).await;
    let claim = f.claim(&queued).await;
    let key = claim.key();
    // As if this process were taken for dead, and someone wanted the message sent again.
    f.outbox
        .engine
        .write(super::super::writer::Priority::Record, 0, move |db, now| {
            super::super::operations::recover::give_up(db, now, key, "its owner was taken for dead")
        })
        .await
        .unwrap();
    let Retried::Queued { queued: again, recipients: 2, .. } =
        f.outbox.retry(all_of(queued.id)).await.unwrap()
    else {
        panic!()
    };
    let open = f.outbox.load(&again).await.unwrap().unwrap().open.len();
    assert_eq!(open, 2);
    let outcomes = [outcome(address("a@x.org"), Accepted), outcome(address("b@x.org"), Deferred)];
    assert_eq!(f.outbox.record(claim, &outcomes, Duration::ZERO).await.unwrap(), None);
    assert_eq!(f.statuses(queued.id).await, "AD");
    // Whoever has read both recipients would send a second copy to the first.
    assert!(f.outbox.claim(&again, &CommitPoint::new()).await.unwrap().is_none());
    let now = f.queued(queued.id).await;
    assert_eq!(f.outbox.load(&now).await.unwrap().unwrap().open.len(), 1);
    f.claim(&now).await;
}

async fn a_message_goes_only_to_its_accounts(f: &Fixture) {
    let other = Account([2; 32]);
    let both = f.enqueue(NewMessage { accounts: vec![other, ACCOUNT], ..message(&["a@x.org"], "one") }).await;
    let one = f.enqueue(NewMessage { accounts: vec![other], ..message(&["a@x.org"], "two") }).await;
    for (accounts, expected, unserved) in [
        (vec![ACCOUNT], vec![both.id], 1),
        (vec![ACCOUNT, other], vec![both.id, one.id], 0),
        (vec![Account([3; 32])], vec![], 2),
    ] {
        f.outbox.serve(accounts).unwrap();
        assert_eq!(f.due().await, expected);
        assert_eq!(f.outbox.stats().await.unwrap().unserved, unserved);
        for id in [both.id, one.id] {
            assert_eq!(f.email(id).await.is_unserved, unserved > 0 && !expected.contains(&id));
        }
    }
}

async fn sets_of_accounts_take_turns(f: &Fixture) {
    let other = Account([2; 32]);
    f.outbox.serve(vec![ACCOUNT, other]).unwrap();
    let mut ids = Vec::new();
    for (number, accounts) in
        [vec![ACCOUNT], vec![ACCOUNT], vec![ACCOUNT], vec![other]].into_iter().enumerate()
    {
        let new = NewMessage { accounts, ..message(&["a@x.org"], &number.to_string()) };
        ids.push(f.enqueue(new).await.id);
        f.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(f.due().await, [ids[0], ids[3], ids[1], ids[2]]);
}

async fn what_is_retried_by_another_program_is_left_to_it(f: &Fixture) {
    let queued = f.attempted(message(&["a@x.org"], "one"), &[Unknown]).await;
    f.outbox.serve(vec![Account([3; 32])]).unwrap();
    let retried = f.outbox.retry(all_of(queued.id)).await.unwrap();
    assert!(matches!(retried, Retried::Queued { is_served: false, .. }), "{retried:?}");
    assert!(f.email(queued.id).await.is_unserved);
}

async fn a_claim_that_is_dropped_is_given_up(f: &Fixture) {
    for (may_have_left, state) in [(false, State::Queued), (true, State::Unknown)] {
        let new = NewMessage { allow_duplicate: true, ..message(&["a@x.org"], "one") };
        let queued = f.enqueue(new).await;
        let commit_point = CommitPoint::new();
        let claim = f.outbox.claim(&queued, &commit_point).await.unwrap().unwrap();
        if may_have_left {
            assert!(claim.commit_point().commit());
        }
        let task = tokio::spawn(async move {
            let _claim = claim;
            panic!("in the middle of an attempt");
        });
        assert!(task.await.unwrap_err().is_panic());
        // The writer works in order: this is answered after the claim was given up.
        f.outbox.engine.write(super::super::writer::Priority::Enqueue, 0, |_, _| Ok(())).await.unwrap();
        assert_eq!(f.state(queued.id).await, state);
    }
}

async fn lists_are_filtered_and_paged(f: &Fixture) {
    let first = f.attempted(message(&["a@x.org"], "one"), &[Accepted]).await.id;
    let second = f.enqueue(message(&["b@x.org", "a@x.org"], "two")).await.id;
    let third =
        f.enqueue(NewMessage { principal: Principal::Http, ..message(&["c@x.org"], "three") }).await.id;
    let list = |filter| async move {
        f.outbox.list(filter).await.unwrap().into_iter().map(|email| email.id).collect::<Vec<_>>()
    };
    let all = Filter { limit: 10, ..Filter::default() };
    assert_eq!(list(all.clone()).await, [third, second, first]);
    assert_eq!(list(Filter { limit: 2, ..all.clone() }).await, [third, second]);
    assert_eq!(list(Filter { before: Some(second), ..all.clone() }).await, [first]);
    assert_eq!(list(Filter { principal: Some(Principal::Local), ..all.clone() }).await, [second, first]);
    assert_eq!(list(Filter { state: Some(State::Queued), ..all.clone() }).await, [third, second]);
    assert_eq!(list(Filter { recipient: Some("A@x.org".to_owned()), ..all.clone() }).await, [second, first]);
    let kinds: Vec<_> = f.outbox.history(first).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["queued", "claimed", "attempt 1 ended"]);
}

async fn a_key_and_a_record_are_not_kept_for_ever(f: &Fixture) {
    let ended = f.attempted(keyed(&["a@x.org"], "one"), &[Accepted]).await.id;
    let waiting = f.enqueue(message(&["a@x.org"], "two")).await;
    f.clock.advance(Retention::default().content + Duration::from_secs(1));
    f.outbox.purge(Retention::default()).await.unwrap();
    assert!(f.outbox.load(&waiting).await.unwrap().is_some());
    f.enqueue(keyed(&["a@x.org"], "three")).await;
    f.clock.advance(Retention::default().record);
    f.outbox.purge(Retention::default()).await.unwrap();
    assert_eq!(f.outbox.get(ended, None).await.unwrap(), None);
    assert!(f.outbox.load(&waiting).await.unwrap().is_some(), "what waits is never deleted");
    assert!(f.outbox.check().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn content_is_kept_on_a_file_for_a_week_and_in_memory_not_at_all() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    for (f, is_kept) in [(Fixture::file(directory.path(), &clock), true), (Fixture::memory(), false)] {
        let ended = f.attempted(message(&["a@x.org"], "one"), &[Rejected]).await.id;
        assert_eq!(f.email(ended).await.has_content, is_kept);
        let refused = f.enqueue(message(&["a@x.org"], "two")).await;
        let rejected = vec![outcome(address("a@x.org"), Rejected)];
        f.outbox.postpone(&refused, rejected, Duration::ZERO).await.unwrap();
        assert_eq!(f.email(refused.id).await.has_content, is_kept, "refused without a session");
        f.clock.advance(Retention::default().content + Duration::from_secs(1));
        f.outbox.purge(Retention::default()).await.unwrap();
        let expected = if is_kept { Retried::NoContent } else { Retried::NotFound };
        assert_eq!(f.outbox.retry(all_of(ended)).await.unwrap(), expected);
    }
}

async fn a_large_content_is_read_back(f: &Fixture) {
    let mut new = message(&["a@x.org"], "one");
    let mut large = crate::message::Message::clone(&new.message);
    large.content = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect::<Vec<_>>().into();
    new.message = std::sync::Arc::new(large.sealed());
    let queued = f.enqueue(new.clone()).await;
    assert_eq!(f.outbox.load(&queued).await.unwrap().unwrap().message, *new.message);
}

async fn what_is_approved_too_late_is_cancelled(f: &Fixture) {
    let hold = Hold { reasons: vec!["why".to_owned()], ttl: Duration::from_secs(60) };
    let new = NewMessage { hold: Some(hold), ..message(&["a@x.org"], "one") };
    let (id, digest) = (new.id, new.message.digest);
    assert_eq!(f.outbox.enqueue(new).await.unwrap(), Enqueued::Held);
    f.clock.advance(Duration::from_secs(60));
    assert_eq!(f.outbox.approve(id, digest).await.unwrap(), Decided::Expired);
    assert_eq!(f.state(id).await, State::Cancelled);
    assert!(f.due().await.is_empty());
}

async fn a_window_frees_as_it_moves_on(f: &Fixture) {
    let quota = Quota { per_hour: 2, per_day: 3 };
    let new = |request: &str| NewMessage { quota, ..message(&["a@x.org"], request) };
    let minutes = |minutes| Duration::from_mins(minutes);
    let began = f.clock.now().to_utc();
    f.enqueue(new("one")).await;
    f.clock.advance(minutes(10));
    f.enqueue(new("two")).await;
    let over = |limit, window, frees: Duration| {
        Enqueued::OverQuota(OverQuota { limit, window, frees: began + frees })
    };
    assert_eq!(f.outbox.enqueue(new("three")).await.unwrap(), over(2, "hour", minutes(60)));
    f.clock.advance(minutes(50));
    f.enqueue(new("three")).await;
    // Of two limits that are reached, the one counts that frees later.
    assert_eq!(f.outbox.enqueue(new("four")).await.unwrap(), over(3, "day", minutes(24 * 60)));
    let usage = f.outbox.usage().await.unwrap();
    assert_eq!((usage.hour, usage.day), (2, 3));
    f.clock.advance(minutes(23 * 60));
    f.enqueue(new("four")).await;
}

async fn an_accepted_recipient_is_known(f: &Fixture) {
    let policy = Policy { preset: Preset::Strict, allowed: vec![RecipientPattern::Any], ..Policy::default() };
    let policy = Policy { internal_domains: vec![RecipientPattern::Any], ..policy };
    let all = ["a@x.org", "b@x.org", "c@x.org", "A@X.org"].map(address);
    f.attempted(message(&["a@x.org", "b@x.org"], "one"), &[Accepted, Rejected]).await;
    f.enqueue(message(&["c@x.org"], "two")).await;
    let judgement = f.outbox.judge(&policy, &all).await.unwrap();
    let decisions: Vec<_> = judgement.recipients.iter().map(|one| one.verdict.decision).collect();
    assert_eq!(decisions, [Decision::Allow, Decision::Ask, Decision::Ask, Decision::Allow]);
}
