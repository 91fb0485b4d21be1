//! Mails that wait: hours without a server, a restart, the end of the program.

use std::time::Duration;

use serde_json::json;
use smtp_mcp_server::outcome::State;
use smtp_sink::{Action, Behavior, EventKind, Latch, Sink, Stage, Wait};
use uuid::Uuid;

use crate::fixture::{Fixture, LONG, contents, copies, server, statuses};

/// Waits until the message has been tried so often, and is not being tried now.
async fn tried(fixture: &Fixture, id: Uuid, attempts: u32) {
    loop {
        let email = fixture.outbox.get(id, None).await.unwrap().unwrap();
        if email.attempts >= attempts && email.state != State::Sending {
            return;
        }
        fixture.deliveries.wake();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The server is down for two hours, and then back: nothing is lost, and what was due first arrives first.
#[tokio::test]
async fn two_hours_without_a_server() {
    let sink = Sink::start(Behavior::default().reply(Stage::Greeting, "421 4.3.2 closed")).await.unwrap();
    let fixture = Fixture::new(vec![server("one", sink.addr())]);
    let running = tokio::spawn({
        let deliveries = fixture.deliveries.clone();
        async move { deliveries.run().await }
    });
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let outcome = fixture.deliver(fixture.message(&[&format!("{name}@x.org")], &json!({})), LONG).await;
        assert_eq!((statuses(&outcome).as_str(), outcome.email.state), ("D", State::Queued));
        ids.push(outcome.email.id);
        fixture.clock.advance(Duration::from_mins(1));
    }
    let mut hours = Duration::ZERO;
    while hours < Duration::from_hours(2) {
        fixture.clock.advance(Duration::from_mins(10));
        hours += Duration::from_mins(10);
        let now = fixture.clock.now().to_utc();
        for id in &ids {
            let email = fixture.outbox.get(*id, None).await.unwrap().unwrap();
            if email.due <= now {
                tried(&fixture, *id, email.attempts + 1).await;
            }
        }
    }
    sink.set_behavior(Behavior::default());
    let mut due = Vec::new();
    for id in ids {
        let email = fixture.outbox.get(id, None).await.unwrap().unwrap();
        assert!(email.attempts >= 6, "{} attempts in two hours", email.attempts);
        due.push((email.due, id, email.recipients[0].address.to_string()));
    }
    due.sort();
    for (at, id, _) in &due {
        let now = fixture.clock.now().to_utc();
        fixture.clock.advance((*at - now).to_std().unwrap_or_default());
        tried(&fixture, *id, 0).await;
        while !fixture.outbox.get(*id, None).await.unwrap().unwrap().state.is_final() {
            fixture.deliveries.wake();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let arrived: Vec<_> = sink.mails().into_iter().flat_map(|mail| mail.recipients.clone()).collect();
    assert_eq!(arrived, due.into_iter().map(|(_, _, to)| to).collect::<Vec<_>>());
    fixture.deliveries.stop();
    running.await.unwrap();
}

/// A caller that leaves changes nothing.
#[tokio::test]
async fn a_caller_that_leaves_does_not_stop_its_mail() {
    let latch = Latch::new();
    let sink = Sink::start(Behavior::default().wait(Wait::Until(latch.clone()))).await.unwrap();
    let fixture = Fixture::new(vec![server("one", sink.addr())]);
    let call = fixture.begin(&["a@x.org"]);
    contents(&sink, 1).await;
    call.abort();
    latch.release();
    sink.wait_for(1).await;
    fixture.deliveries.finish(LONG).await;
    assert_eq!(copies(&sink), "a");
}

/// The program stops before the last byte: on a file the mail is released, and the next program sends it.
#[tokio::test]
async fn what_was_not_sent_when_the_program_stopped_is_sent_by_the_next() {
    let stalling = Behavior::default().rule(Stage::Data, Action::Stall(Wait::Until(Latch::new())));
    let sink = Sink::start(stalling).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut fixture = Fixture::on_a_file(vec![server("one", sink.addr())], directory.path());
    let in_progress = fixture.begin(&["a@x.org"]);
    sink.wait_until(|events| events.iter().any(|event| event.kind == EventKind::Command("DATA".to_owned())))
        .await;
    fixture.deliveries.finish(Duration::ZERO).await;
    let outcome = in_progress.await.unwrap();
    assert_eq!((statuses(&outcome).as_str(), outcome.email.attempts), ("D", 0));
    sink.set_behavior(Behavior::default());
    fixture.restart();
    let deliveries = fixture.deliveries.clone();
    let running = tokio::spawn(async move { deliveries.run().await });
    assert_eq!(fixture.deliveries.wait(outcome.email.id, LONG).await.unwrap().email.state, State::Sent);
    fixture.deliveries.stop();
    running.await.unwrap();
    assert_eq!(copies(&sink), "a");
}

/// More than can be in progress at the same time: the rest waits in the outbox, and everything is sent once.
#[tokio::test]
async fn more_mails_than_attempts() {
    let sink = Sink::start(Behavior::default()).await.unwrap();
    let fixture = Fixture::new(vec![server("one", sink.addr())]);
    let deliveries = fixture.deliveries.clone();
    let running = tokio::spawn(async move { deliveries.run().await });
    let calls: Vec<_> = (0..200)
        .map(|number| {
            let to = format!("r{number}@x.org");
            tokio::spawn(fixture.deliver(fixture.message(&[&to], &json!({})), LONG))
        })
        .collect();
    for call in calls {
        assert_eq!(statuses(&call.await.unwrap()), "A");
    }
    assert_eq!(sink.mails().len(), 200);
    fixture.deliveries.stop();
    running.await.unwrap();
}

/// A mail that was kept waits for whoever corrects the settings; a first attempt does not.
#[tokio::test]
async fn a_login_that_is_refused_later_does_not_end_a_mail_that_was_kept() {
    let sink = Sink::start(Behavior::default().reply(Stage::Greeting, "421 4.3.2 closed")).await.unwrap();
    let fixture = Fixture::new(vec![crate::fixture::with_login(server("one", sink.addr()))]);
    let deliveries = fixture.deliveries.clone();
    let running = tokio::spawn(async move { deliveries.run().await });
    let kept = fixture.send(&["a@x.org"]).await;
    assert_eq!(kept.email.state, State::Queued);
    sink.set_behavior(Behavior::default().login("ada", "another"));
    assert_eq!(fixture.send(&["b@x.org"]).await.email.state, State::Refused);
    fixture.clock.advance(Duration::from_mins(1));
    tried(&fixture, kept.email.id, 2).await;
    let email = fixture.outbox.get(kept.email.id, None).await.unwrap().unwrap();
    assert_eq!(email.state, State::Queued);
    assert!(email.recipients[0].reason.contains("paused"), "{}", email.recipients[0].reason);
    fixture.deliveries.stop();
    running.await.unwrap();
}
