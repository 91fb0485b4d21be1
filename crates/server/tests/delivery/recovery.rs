//! Recovery checks after a back-off: without mail, less and less often, never after a refused login.

use std::time::Duration;

use smtp_mcp_server::upstream::report::Availability;
use smtp_sink::{Behavior, EventKind, Sink, Stage};

use crate::fixture::{Fixture, copies, refused_logins, server, statuses, with_login};

/// Advances both clocks by `seconds`; timers fire, sockets are not affected.
async fn pass(fixture: &Fixture, seconds: u64) {
    let time = Duration::from_secs(seconds);
    fixture.clock.advance(time);
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn connections(events: &[smtp_sink::Event]) -> usize {
    events.iter().filter(|event| event.kind == EventKind::Connected).count()
}

/// Waits until the `count`th connection has ended and the program has noticed.
async fn ended(sink: &Sink, fixture: &Fixture, count: u64) {
    let closed = |event: &smtp_sink::Event| event.connection == count && event.kind == EventKind::Closed;
    sink.wait_until(|events| events.iter().any(closed)).await;
    while fixture.availability("one") == Availability::Available {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_recovery_check_comes_later_and_later_and_stops_at_a_success() {
    for reply in ["554 closed", "421 4.3.2 closed"] {
        let sink = Sink::start(Behavior::default().reply(Stage::Greeting, reply)).await.unwrap();
        let fixture = Fixture::new(vec![server("one", sink.addr())]);
        assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "D");
        ended(&sink, &fixture, 1).await;
        let rest = || fixture.upstreams.status().servers[0].backoff_remaining as u64;
        let mut rests = Vec::new();
        for count in 2..5 {
            pass(&fixture, rest()).await;
            ended(&sink, &fixture, count).await;
            rests.push(rest());
        }
        assert!(rests[1] > rests[0] && rests[2] > rests[1], "{reply}: {rests:?}");
        sink.set_behavior(Behavior::default());
        pass(&fixture, rest()).await;
        let greeted = |event: &smtp_sink::Event| matches!(&event.kind, EventKind::Command(line) if line.starts_with("EHLO"));
        sink.wait_until(|events| events.iter().any(greeted)).await;
        for _ in 0..20 {
            pass(&fixture, 80).await;
        }
        assert_eq!((connections(&sink.events()), copies(&sink).as_str()), (5, ""));
    }
}

#[tokio::test]
async fn a_refused_login_is_not_checked() {
    let sink = Sink::start(Behavior::default().login("ada", "other")).await.unwrap();
    let fixture = Fixture::new(vec![with_login(server("one", sink.addr()))]);
    // A failure first, so that recovery is checked; then the login is refused.
    sink.set_behavior(Behavior::default().reply(Stage::Greeting, "554 closed"));
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "D");
    sink.set_behavior(Behavior::default().login("ada", "other"));
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "R");
    assert_eq!(fixture.availability("one"), Availability::Paused);
    for _ in 0..20 {
        pass(&fixture, 80).await;
    }
    assert_eq!((connections(&sink.events()), refused_logins(&sink)), (2, 1));
}
