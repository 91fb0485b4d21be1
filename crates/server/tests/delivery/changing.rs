//! Servers that change during a delivery: switch, reload, reconnect.

use std::path::{Path, PathBuf};

use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::config::{self, ConfigSources};
use smtp_mcp_server::upstream::Upstreams;
use smtp_mcp_server::upstream::report::{Availability, Switched};
use smtp_sink::{Behavior, EventKind, Latch, Sink, Stage, Wait};
use tempfile::TempDir;

use crate::fixture::{Fixture, contents, copies, server, statuses};

struct File {
    _folder: TempDir,
    path: PathBuf,
}

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        write(&path, text);
        Self { _folder: folder, path }
    }

    fn open(&self) -> Fixture {
        let origin = ConfigSources { config_file: Some(self.path.clone()), ..ConfigSources::default() };
        let clock = Clock::manual(chrono::DateTime::default());
        let config = config::load(&origin).unwrap();
        Fixture::with_upstreams(Upstreams::new(origin, config, clock.clone()).unwrap(), clock)
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

fn table(name: &str, sink: &Sink, more: &str) -> String {
    let (host, port) = (sink.addr().ip(), sink.addr().port());
    format!(
        "[[server]]\nname = \"{name}\"\nhost = \"{host}\"\nport = {port}\nuse_tls = false\nmax_retries = 0\nfrom_email = \"me@{name}.example\"\n{more}\n"
    )
}

async fn start(behavior: Behavior) -> Sink {
    Sink::start(behavior).await.unwrap()
}

#[tokio::test]
async fn a_switch_changes_the_order_or_nothing() {
    let (one, two) = (start(Behavior::default()).await, start(Behavior::default()).await);
    let fixture = Fixture::new(vec![server("one", one.addr()), server("two", two.addr())]);
    assert!(matches!(fixture.upstreams.switch("two").await, Switched::Done));
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "A");
    assert_eq!((copies(&one).as_str(), copies(&two).as_str()), ("", "a"));
    assert!(matches!(fixture.upstreams.switch("nine").await, Switched::NoSuchServer));
    one.set_behavior(Behavior::default().reply(Stage::Greeting, "554 closed"));
    assert!(matches!(fixture.upstreams.switch("one").await, Switched::Unreachable(..)));
    assert_eq!(statuses(&fixture.send(&["b@x.org"]).await), "A");
    assert_eq!(copies(&two), "a b");
}

#[tokio::test]
async fn a_reload_adds_removes_and_modifies() {
    let (one, two, three) = (
        start(Behavior::default()).await,
        start(Behavior::default()).await,
        start(Behavior::default()).await,
    );
    let file = File::new(&(table("one", &one, "") + &table("two", &two, "") + &table("same", &three, "")));
    let fixture = file.open();
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "A");
    write(
        &file.path,
        &(table("new", &two, "priority = 999")
            + &table("one", &one, "timeout = 7")
            + &table("same", &three, "")),
    );
    let reloaded = fixture.upstreams.reload().await.unwrap();
    let changes = reloaded.changes;
    assert_eq!(
        (changes.servers_added.as_slice(), changes.servers_removed.as_slice()),
        (&["new".to_owned()][..], &["two".to_owned()][..])
    );
    assert_eq!(changes.servers_modified.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["one"]);
    assert!(changes.primary_server_changed && !reloaded.config.from_environment_only);
    assert_eq!(reloaded.connection_test.successful_servers, 3);
    assert_eq!(statuses(&fixture.send(&["b@x.org"]).await), "A");
    assert_eq!((copies(&one).as_str(), copies(&two).as_str()), ("a", "b"));
}

#[tokio::test]
async fn a_reload_that_cannot_be_applied_changes_nothing() {
    let (one, dead) =
        (start(Behavior::default()).await, start(Behavior::default().reply(Stage::Greeting, "554 no")).await);
    let file = File::new(&table("one", &one, ""));
    let fixture = file.open();
    for (text, step) in [
        ("[[server]]\nhost = 7\n".to_owned(), "validate"),
        ("no toml".to_owned(), "validate"),
        (table("one", &one, "") + &table("one", &one, ""), "validate"),
        (table("dead", &dead, ""), "connect"),
    ] {
        write(&file.path, &text);
        assert_eq!(fixture.upstreams.reload().await.unwrap_err().step, step, "{text}");
        assert_eq!(fixture.upstreams.status().servers[0].name, "one");
        assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "A");
    }
    write(&file.path, &(table("one", &one, "") + &table("dead", &dead, "")));
    assert_eq!(fixture.upstreams.reload().await.unwrap().connection_test.successful_servers, 1);
    assert_eq!(fixture.availability("dead"), Availability::BackOff);
}

/// A delivery in flight finishes at its server after that was removed, once.
#[tokio::test]
async fn a_delivery_under_way_survives_a_reload_and_a_reconnect() {
    let latch = Latch::new();
    let one = start(Behavior::default().wait(Wait::Until(latch.clone()))).await;
    let two = start(Behavior::default()).await;
    let file = File::new(&table("one", &one, ""));
    let fixture = file.open();
    let under_way = fixture.begin(&["a@x.org"]);
    contents(&one, 1).await;
    fixture.upstreams.reconnect().await;
    write(&file.path, &table("two", &two, ""));
    fixture.upstreams.reload().await.unwrap();
    latch.release();
    assert_eq!(statuses(&under_way.await.unwrap()), "A");
    assert_eq!((copies(&one).as_str(), copies(&two).as_str()), ("a", ""));
}

#[tokio::test]
async fn a_reconnect_forgets_failures_and_opens_new_connections() {
    let one = start(Behavior::default()).await;
    let fixture = Fixture::new(vec![server("one", one.addr())]);
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "A");
    one.set_behavior(Behavior::default().disconnect("b@*"));
    assert_eq!(statuses(&fixture.send(&["b@x.org"]).await), "D");
    assert_eq!(fixture.availability("one"), Availability::BackOff);
    assert_eq!(fixture.upstreams.reconnect().await.successful_servers, 1);
    assert_eq!(fixture.availability("one"), Availability::Available);
    let first_closed =
        |event: &smtp_sink::Event| event.connection == 1 && matches!(event.kind, EventKind::Closed);
    one.wait_until(|events| events.iter().any(first_closed)).await;
}
