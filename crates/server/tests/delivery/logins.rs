//! A refused login is not repeated, whoever asks; a server whose login was refused gets no mail.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::config::{self, ConfigSources};
use smtp_mcp_server::upstream::Upstreams;
use smtp_mcp_server::upstream::report::Availability;
use smtp_sink::{AfterData, Behavior, Latch, Sink, Stage, Wait};

use crate::fixture::{Fixture, contents, copies, messages, refused_logins, server, statuses, with_login};

const MINUTE: Duration = Duration::from_secs(60);

fn account(password: &str) -> Behavior {
    Behavior::default().login("ada", password)
}

#[tokio::test]
async fn a_refused_login_is_tried_once_a_minute_whichever_tool_asks() {
    let sink = Sink::start(account("other")).await.unwrap();
    let fixture = Fixture::new(vec![with_login(server("one", sink.addr()))]);
    let outcome = fixture.send(&["a@x.org"]).await;
    assert_eq!((statuses(&outcome).as_str(), fixture.availability("one")), ("R", Availability::Paused));
    for minute in 1..4 {
        for _ in 0..3 {
            assert_eq!(fixture.upstreams.test().await.successful_servers, 0);
            fixture.upstreams.switch("one").await;
            assert_eq!(fixture.upstreams.reconnect().await.successful_servers, 0);
            assert!(messages(&fixture.send(&["a@x.org"]).await).contains("is paused"));
        }
        assert_eq!(refused_logins(&sink), minute);
        fixture.clock.advance(MINUTE);
    }
    sink.set_behavior(account("pw-0"));
    assert_eq!(fixture.upstreams.test().await.successful_servers, 1);
    assert_eq!(fixture.availability("one"), Availability::Available);
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "A");
}

/// Only if no server may take it later is the mail rejected.
#[tokio::test]
async fn a_refused_login_rejects_the_mail_unless_another_server_may_come_back() {
    let refusing = Sink::start(account("other")).await.unwrap();
    let down = Sink::start(Behavior::default().reply(Stage::Greeting, "554 closed")).await.unwrap();
    let refused = |name| with_login(server(name, refusing.addr()));
    let closed = |name| server(name, down.addr());
    for (servers, first, then) in [
        (vec![refused("one"), refused("two")], "R", "R"),
        (vec![refused("one"), closed("two")], "D", "D"),
        (vec![closed("one"), refused("two")], "D", "D"),
    ] {
        let fixture = Fixture::new(servers);
        assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), first);
        assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), then);
    }
}

#[tokio::test]
async fn many_who_ask_at_once_are_one_login() {
    let sink = Sink::start(account("pw-0")).await.unwrap();
    let fixture = Fixture::new(vec![with_login(server("one", sink.addr()))]);
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "A");
    sink.set_behavior(account("changed"));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let upstreams = Arc::clone(&fixture.upstreams);
        asking.spawn(async move { upstreams.test().await.successful_servers });
    }
    assert_eq!(asking.join_all().await, [0; 16]);
    assert_eq!(refused_logins(&sink), 1);
}

/// A delivery that began with an earlier login says nothing about the one refused since.
#[tokio::test]
async fn an_older_success_does_not_lift_the_pause() {
    let sink = Sink::start(account("pw-0")).await.unwrap();
    let latch = Latch::new();
    sink.set_behavior(account("pw-0").wait(Wait::Until(latch.clone())));
    let fixture = Fixture::new(vec![with_login(server("one", sink.addr()))]);
    let under_way = fixture.begin(&["a@x.org"]);
    contents(&sink, 1).await;
    sink.set_behavior(account("changed"));
    fixture.clock.advance(MINUTE);
    assert_eq!(fixture.upstreams.test().await.successful_servers, 0);
    latch.release();
    assert_eq!(statuses(&under_way.await.unwrap()), "A");
    assert_eq!(fixture.availability("one"), Availability::Paused);
    fixture.upstreams.test().await;
    assert_eq!(refused_logins(&sink), 1);
}

/// It chose the second server before that was paused, and the second server has an idle session.
#[tokio::test]
async fn a_paused_server_gets_no_mail_over_a_warm_session() {
    let later = || Behavior::default().after_data(AfterData::Reply("451 4.3.0 later".to_owned()));
    let (one, two) = (Sink::start(later()).await.unwrap(), Sink::start(account("pw-0")).await.unwrap());
    let fixture = Fixture::new(vec![server("one", one.addr()), with_login(server("two", two.addr()))]);
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "A");
    let latch = Latch::new();
    one.set_behavior(later().wait(Wait::Until(latch.clone())));
    let under_way = fixture.begin(&["b@x.org"]);
    contents(&one, 2).await;
    two.set_behavior(account("changed"));
    assert_eq!(fixture.upstreams.test().await.successful_servers, 1);
    latch.release();
    assert_eq!(statuses(&under_way.await.unwrap()), "D");
    assert_eq!((copies(&two).as_str(), refused_logins(&two)), ("a", 1));
}

fn write(path: &Path, sink: &Sink, password: &str) {
    let (host, port) = (sink.addr().ip(), sink.addr().port());
    let text = format!(
        "[[server]]\nhost = \"{host}\"\nport = {port}\nuse_tls = false\nusername = \"ada\"\npassword = \"{password}\"\nfrom_email = \"ada@x.org\"\n"
    );
    std::fs::write(path, text).unwrap();
}

/// A failed reload changes nothing, but the refused login is remembered.
#[tokio::test]
async fn a_reload_that_fails_is_no_way_around_the_brake() {
    let sink = Sink::start(account("pw-0")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    write(&path, &sink, "pw-0");
    let origin = ConfigSources { config_file: Some(path.clone()), ..ConfigSources::default() };
    let clock = Clock::manual(chrono::DateTime::default());
    let config = config::load(&origin).unwrap();
    let upstreams = Upstreams::new(origin, config, clock.clone()).unwrap();
    write(&path, &sink, "wrong");
    for minute in 1..3 {
        for _ in 0..4 {
            assert_eq!(upstreams.reload().await.unwrap_err().step, "connect");
        }
        assert_eq!(refused_logins(&sink), minute);
        clock.advance(MINUTE);
    }
    assert_eq!(upstreams.test().await.successful_servers, 1, "the old configuration goes on serving");
    sink.set_behavior(account("wrong"));
    assert_eq!(upstreams.reload().await.unwrap().changes.servers_modified.len(), 1);
}
