//! The log at TRACE: no whole address, no secret, no text of a message or server.

use std::io::Write;
use std::sync::{Arc, Mutex};

use smtp_sink::{Behavior, Sink, Stage};

use crate::fixture::{Fixture, server, with_login};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_is_discreet_at_every_level() {
    let paper = Paper::default();
    let writer = paper.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::level_filters::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _here = tracing::subscriber::set_default(subscriber);
    let account = || Behavior::default().login("ada", "pw-0");
    for behavior in [
        account(),
        account().refuse("grace*"),
        account().reply(Stage::Login, "535 ada pw-0 YWRh AGFkYQBwdy0w"),
        account().reply(Stage::Greeting, "421 4.3.2 grace.hopper@navy.example pays you"),
        account().disconnect("*"),
        account().after_data(smtp_sink::AfterData::DropKept),
    ] {
        // A test on another thread that reaches the same log line first can disable it for all.
        tracing::callsite::rebuild_interest_cache();
        let sink = Sink::start(behavior).await.unwrap();
        let fixture = Fixture::new(vec![with_login(server("one", sink.addr()))]);
        fixture.send(&["grace.hopper@navy.example"]).await;
        fixture.upstreams.test().await;
        fixture.upstreams.switch("one").await;
        fixture.upstreams.reconnect().await;
    }
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    for line in ["delivery attempt ended", "connected", "login"] {
        assert!(text.contains(line), "{line}");
    }
    for secret in ["grace", "me@one", "pw-0", "YWRh", "AGFkYQBwdy0w", "Secret", "ada "] {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}
