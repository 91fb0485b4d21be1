//! Servers change under way: switch, reload, reconnect.

use std::path::{Path, PathBuf};

use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::config::{self, Origin};
use smtp_mcp_server::dispatch::Dispatch;
use smtp_mcp_server::dispatch::report::{Condition, Switched};
use smtp_sink::{At, Gate, Manner, Sink, Wait, What};
use tempfile::TempDir;

use crate::stage::{Stage, contents, copies, fates, server};

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

    fn open(&self) -> Stage {
        let origin = Origin { config_file: Some(self.path.clone()), ..Origin::default() };
        let clock = Clock::manual(chrono::DateTime::default());
        let config = config::load(&origin).unwrap();
        Stage { dispatch: Dispatch::new(origin, config, clock.clone()).unwrap().into(), clock }
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

async fn start(manner: Manner) -> Sink {
    Sink::start(manner).await.unwrap()
}

#[tokio::test]
async fn a_switch_changes_the_order_or_nothing() {
    let (one, two) = (start(Manner::default()).await, start(Manner::default()).await);
    let stage = Stage::new(vec![server("one", one.addr()), server("two", two.addr())]);
    assert!(matches!(stage.dispatch.switch("two").await, Switched::Done(now) if now.is_current));
    assert_eq!(fates(&stage.send(&["a@x.org"]).await), "A");
    assert_eq!((copies(&one).as_str(), copies(&two).as_str()), ("", "a"));
    assert!(matches!(stage.dispatch.switch("nine").await, Switched::NoSuchServer(_)));
    one.set_manner(Manner::default().reply(At::Greeting, "554 closed"));
    assert!(matches!(stage.dispatch.switch("one").await, Switched::Unreachable(..)));
    assert_eq!(fates(&stage.send(&["b@x.org"]).await), "A");
    assert_eq!(copies(&two), "a b");
}

#[tokio::test]
async fn a_reload_adds_removes_and_modifies() {
    let (one, two, three) =
        (start(Manner::default()).await, start(Manner::default()).await, start(Manner::default()).await);
    let file = File::new(&(table("one", &one, "") + &table("two", &two, "") + &table("same", &three, "")));
    let stage = file.open();
    assert_eq!(fates(&stage.send(&["a@x.org"]).await), "A");
    write(
        &file.path,
        &(table("new", &two, "priority = 999")
            + &table("one", &one, "timeout = 7")
            + &table("same", &three, "")),
    );
    let reloaded = stage.dispatch.reload().await.unwrap();
    let changes = reloaded.changes;
    assert_eq!(
        (changes.added.as_slice(), changes.removed.as_slice()),
        (&["new".to_owned()][..], &["two".to_owned()][..])
    );
    assert_eq!(changes.modified.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["one"]);
    assert!(changes.primary_changed && !reloaded.from_environment_only);
    assert_eq!(reloaded.connection_test.successful(), 3);
    assert_eq!(fates(&stage.send(&["b@x.org"]).await), "A");
    assert_eq!((copies(&one).as_str(), copies(&two).as_str()), ("a", "b"));
}

#[tokio::test]
async fn a_reload_that_cannot_be_applied_changes_nothing() {
    let (one, dead) =
        (start(Manner::default()).await, start(Manner::default().reply(At::Greeting, "554 no")).await);
    let file = File::new(&table("one", &one, ""));
    let stage = file.open();
    for (text, step) in [
        ("[[server]]\nhost = 7\n".to_owned(), "validate"),
        ("no toml".to_owned(), "validate"),
        (table("one", &one, "") + &table("one", &one, ""), "validate"),
        (table("dead", &dead, ""), "connect"),
    ] {
        write(&file.path, &text);
        assert_eq!(stage.dispatch.reload().await.unwrap_err().step, step, "{text}");
        assert_eq!(stage.dispatch.status().servers[0].name, "one");
        assert_eq!(fates(&stage.send(&["a@x.org"]).await), "A");
    }
    write(&file.path, &(table("one", &one, "") + &table("dead", &dead, "")));
    assert_eq!(stage.dispatch.reload().await.unwrap().connection_test.successful(), 1);
    assert_eq!(stage.condition("dead"), Condition::BackOff);
}

/// What is under way when its server is taken out goes to its end there, once.
#[tokio::test]
async fn a_delivery_under_way_survives_a_reload_and_a_reconnect() {
    let gate = Gate::closed();
    let one = start(Manner::default().wait(Wait::Until(gate.clone()))).await;
    let two = start(Manner::default()).await;
    let file = File::new(&table("one", &one, ""));
    let stage = file.open();
    let under_way = stage.begin(&["a@x.org"]);
    contents(&one, 1).await;
    stage.dispatch.reconnect().await;
    write(&file.path, &table("two", &two, ""));
    stage.dispatch.reload().await.unwrap();
    gate.open();
    assert_eq!(fates(&under_way.await.unwrap()), "A");
    assert_eq!((copies(&one).as_str(), copies(&two).as_str()), ("a", ""));
}

#[tokio::test]
async fn a_reconnect_forgets_failures_and_opens_new_connections() {
    let one = start(Manner::default()).await;
    let stage = Stage::new(vec![server("one", one.addr())]);
    assert_eq!(fates(&stage.send(&["a@x.org"]).await), "A");
    one.set_manner(Manner::default().disconnect("b@*"));
    assert_eq!(fates(&stage.send(&["b@x.org"]).await), "L");
    assert_eq!(stage.condition("one"), Condition::BackOff);
    assert_eq!(stage.dispatch.reconnect().await.successful(), 1);
    assert_eq!(stage.condition("one"), Condition::Available);
    let first_closed = |event: &smtp_sink::Event| event.connection == 1 && matches!(event.what, What::Closed);
    one.wait_until(|events| events.iter().any(first_closed)).await;
}
