//! Servers that stall: the answer comes in time, the next server is tried, and only servers that failed are in back-off.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use smtp_mcp_server::config::ServerConfig;
use smtp_mcp_server::outcome::State;
use smtp_mcp_server::upstream::report::Availability;
use smtp_sink::{Behavior, Latch, Sink, Wait};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::fixture::{Fixture, LONG, contents, copies, messages, server, statuses};

const SHORT: Duration = Duration::from_millis(300);

/// A server that answers until it reads one of `silent_at`, and then neither writes nor reads.
async fn mute(silent_at: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, silent_at));
        }
    });
    at
}

async fn converse(stream: TcpStream, silent_at: &str) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if silent_at == "greeting" {
        return std::future::pending().await;
    }
    stream.write_all(b"220 mute\r\n").await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let verb = line.split([' ', '\r']).next().unwrap_or_default().to_owned();
        line.clear();
        if verb == silent_at {
            return std::future::pending().await;
        }
        let reply = if verb == "DATA" { "354 go\r\n" } else { "250 ok\r\n" };
        stream.write_all(reply.as_bytes()).await?;
        if verb == "DATA" && silent_at == "content" {
            return std::future::pending().await;
        }
    }
    Ok(())
}

fn hasty(server: ServerConfig) -> ServerConfig {
    ServerConfig { timeout: SHORT, ..server }
}

#[tokio::test]
async fn a_silent_server_is_told_by_its_phase_and_the_next_one_is_tried() {
    for (silent_at, phase) in [
        ("greeting", "greeting"),
        ("EHLO", "EHLO"),
        ("MAIL", "MAIL FROM"),
        ("RCPT", "RCPT TO"),
        ("DATA", "DATA"),
        ("content", "DATA"),
    ] {
        let at = mute(silent_at).await;
        let good = Sink::start(Behavior::default()).await.unwrap();
        for two in [false, true] {
            let mut servers = vec![hasty(server("one", at))];
            if two {
                servers.push(server("two", good.addr()));
            }
            let fixture = Fixture::new(servers);
            // More than the buffers of a loopback connection hold.
            let body =
                json!({ "body": "x".repeat(70).repeat(if silent_at == "content" { 140_000 } else { 1 }) });
            let message = fixture.message(&["a@x.org"], &body);
            let outcome = fixture.deliver(message, Duration::from_secs(8)).await;
            assert!(outcome.duration < Duration::from_secs(4), "{silent_at}: {:?}", outcome.duration);
            assert_eq!(
                statuses(&outcome),
                if two { "A" } else { "D" },
                "{silent_at}: {}",
                messages(&outcome)
            );
            assert!(two || messages(&outcome).contains(phase), "{silent_at}: {}", messages(&outcome));
            assert_eq!(fixture.availability("one"), Availability::BackOff, "{silent_at}");
        }
        assert_eq!(copies(&good), "a");
    }
}

/// The last attempt is cut off by the call's own time: the failures of earlier attempts are reported all the same.
#[tokio::test]
async fn the_phase_is_told_though_the_time_runs_out_in_a_further_attempt() {
    let at = mute("greeting").await;
    let servers = vec![ServerConfig { max_retries: 10, ..hasty(server("one", at)) }];
    let fixture = Fixture::with_attempt_timeout(servers, Duration::from_millis(700));
    let outcome = fixture.send(&["a@x.org"]).await;
    assert_eq!(statuses(&outcome), "D");
    assert!(messages(&outcome).contains("greeting"), "{}", messages(&outcome));
    assert!(messages(&outcome).contains("SMTP_USE_SSL"), "{}", messages(&outcome));
    assert_eq!(fixture.availability("one"), Availability::BackOff);
}

#[tokio::test]
async fn an_attempt_that_has_no_time_left_affects_no_health() {
    let at = mute("greeting").await;
    for wait in [Duration::ZERO, SHORT] {
        let fixture = Fixture::with_attempt_timeout(vec![server("one", at)], wait);
        assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "D");
        assert_eq!(fixture.availability("one"), Availability::Available, "{wait:?}");
    }
}

/// Three sessions are busy. A call that waits for a fourth in vain, or gets it late, is not a server's failure.
#[tokio::test]
async fn a_busy_server_is_not_a_broken_one() {
    let latch = Latch::new();
    let sink = Sink::start(Behavior::default().wait(Wait::Until(latch.clone()))).await.unwrap();
    let servers = vec![ServerConfig { max_connections: 3, ..server("one", sink.addr()) }];
    let fixture = Fixture::with_attempt_timeout(servers, SHORT);
    let under_way = ["a@x.org", "b@x.org", "c@x.org"].map(|to| fixture.begin(Box::leak(Box::new([to]))));
    contents(&sink, 3).await;
    let outcome = fixture.send(&["d@x.org"]).await;
    assert_eq!(statuses(&outcome), "D");
    assert!(messages(&outcome).contains("busy"), "{}", messages(&outcome));
    assert_eq!(fixture.availability("one"), Availability::Available);
    latch.release();
    for one in under_way {
        assert_eq!(statuses(&one.await.unwrap()), "A");
    }
    assert_eq!(copies(&sink), "a b c");
}

/// As many mails as there may be attempts wait for a server that says nothing more: a mail for another server is sent.
#[tokio::test]
async fn a_silent_server_does_not_hold_up_the_mails_of_another() {
    let latch = Latch::new();
    let one = Sink::start(Behavior::default().wait(Wait::Until(latch.clone()))).await.unwrap();
    let two = Sink::start(Behavior::default()).await.unwrap();
    let silent = ServerConfig { max_connections: 64, ..server("one", one.addr()) };
    let fixture =
        Fixture::with_attempt_timeout(vec![silent, server("two", two.addr())], Duration::from_secs(1));
    let mut under_way = tokio::task::JoinSet::new();
    for number in 0..64 {
        let message = fixture.message(&[&format!("a{number}@x.org")], &json!({}));
        under_way.spawn(fixture.deliver(message, LONG));
    }
    contents(&one, 64).await;
    let message = fixture.message(&["b@x.org"], &json!({ "from_email": "me@two.example" }));
    let outcome = fixture.deliver(message, LONG).await;
    assert_eq!(statuses(&outcome), "A");
    latch.release();
    assert!(under_way.join_all().await.iter().all(|outcome| statuses(outcome) == "A"));
}

/// No reply to the end of the data: the caller hears that it may have been sent, and no other server is tried; the late 250 is
/// recorded.
#[tokio::test]
async fn silence_at_the_end_is_unknown_in_time_and_stays_with_this_server() {
    let latch = Latch::new();
    let one = Sink::start(Behavior::default().refuse("r*").wait(Wait::Until(latch.clone()))).await.unwrap();
    let two = Sink::start(Behavior::default()).await.unwrap();
    let fixture = Fixture::new(vec![server("one", one.addr()), server("two", two.addr())]);
    let began = Instant::now();
    let outcome = fixture.send_within(&["a@x.org"], SHORT).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(statuses(&outcome), "U");
    latch.release();
    let id = outcome.email.id;
    assert_eq!(fixture.deliveries.wait(id, LONG).await.unwrap().email.state, State::Sent);
    assert_eq!((copies(&one).as_str(), copies(&two).as_str()), ("a", ""));
    assert_eq!(fixture.availability("one"), Availability::Available);
}

/// A refusal that comes after the caller was told "may have been sent" is proof that it was not: the next server is tried.
#[tokio::test]
async fn a_late_refusal_moves_the_mail_to_the_next_server() {
    let latch = Latch::new();
    let late = Behavior::default().after_data(smtp_sink::AfterData::Reply("451 4.3.0 later".to_owned()));
    let one = Sink::start(late.wait(Wait::Until(latch.clone()))).await.unwrap();
    let two = Sink::start(Behavior::default()).await.unwrap();
    let fixture = Fixture::new(vec![server("one", one.addr()), server("two", two.addr())]);
    let outcome = fixture.send_within(&["a@x.org"], SHORT).await;
    assert_eq!(statuses(&outcome), "U");
    latch.release();
    assert_eq!(fixture.deliveries.wait(outcome.email.id, LONG).await.unwrap().email.state, State::Sent);
    assert_eq!((copies(&one).as_str(), copies(&two).as_str()), ("", "a"));
}

/// The program stops after the last byte: unknown is on the record, and no server gets it again.
#[tokio::test]
async fn what_is_unknown_when_the_program_stops_stays_unknown() {
    let latch = Latch::new();
    let one = Sink::start(Behavior::default().wait(Wait::Until(latch.clone()))).await.unwrap();
    let two = Sink::start(Behavior::default()).await.unwrap();
    let mut fixture = Fixture::new(vec![server("one", one.addr()), server("two", two.addr())]);
    let in_progress = fixture.begin(&["a@x.org"]);
    contents(&one, 1).await;
    fixture.deliveries.shutdown_deadline();
    let outcome = in_progress.await.unwrap();
    assert_eq!((statuses(&outcome).as_str(), outcome.email.state), ("U", State::Unknown));
    latch.release();
    fixture.restart();
    assert_eq!(statuses(&fixture.send(&["b@x.org"]).await), "A");
    assert!(!copies(&two).contains('a'));
    let waited = fixture.deliveries.wait(outcome.email.id, Duration::ZERO).await.unwrap();
    assert_eq!(waited.email.state, State::Unknown);
}

/// What an earlier server said is not the reason of what happened at a later one.
#[tokio::test]
async fn the_reply_of_an_earlier_server_is_not_quoted_for_a_later_one() {
    let latch = Latch::new();
    let one = Sink::start(Behavior::default().defer("*")).await.unwrap();
    let two = Sink::start(Behavior::default().wait(Wait::Until(latch.clone()))).await.unwrap();
    let fixture = Fixture::new(vec![server("one", one.addr()), server("two", two.addr())]);
    let outcome = fixture.send_within(&["a@x.org"], Duration::from_secs(1)).await;
    assert_eq!(statuses(&outcome), "U");
    let recipient = &outcome.email.recipients[0];
    assert_eq!((recipient.code, &recipient.enhanced_code, &recipient.reply), (None, &None, &None));
    latch.release();
    two.wait_for(1).await;
}

/// The first server accepted some; the time runs out at the second: known statuses stay.
#[tokio::test]
async fn the_time_runs_out_at_the_second_server() {
    let one = Sink::start(Behavior::default().defer("b@*").refuse("c@*")).await.unwrap();
    let at = mute("MAIL").await;
    let fixture = Fixture::new(vec![server("one", one.addr()), hasty(server("two", at))]);
    let outcome = fixture.send(&["a@x.org", "b@x.org", "c@x.org"]).await;
    assert_eq!(statuses(&outcome), "ADR");
    assert_eq!(copies(&one), "a");
    let servers = outcome.email.recipients.iter().map(|one| one.server.as_ref().unwrap().name.as_str());
    assert_eq!(servers.collect::<Vec<_>>(), ["one", "two", "one"]);
}

/// The program stops: a delivery before its last byte is cancelled, one after it is unknown; both are reported at once.
#[tokio::test]
async fn a_hurried_call_hears_the_truth() {
    let latch = Latch::new();
    let sink = Sink::start(Behavior::default().wait(Wait::Until(latch.clone()))).await.unwrap();
    for (at, status) in [(sink.addr(), "U"), (mute("DATA").await, "R")] {
        let fixture = Fixture::new(vec![server("one", at)]);
        let under_way = fixture.begin(&["a@x.org"]);
        if status == "U" {
            contents(&sink, 1).await;
        }
        fixture.deliveries.shutdown_deadline();
        let outcome = tokio::time::timeout(LONG / 5, under_way).await.unwrap().unwrap();
        assert_eq!(statuses(&outcome), status);
    }
}

/// A late 421 proves as much: the mail is not lost, though nobody waits for it.
#[tokio::test]
async fn a_late_421_leaves_the_mail_in_the_outbox() {
    let latch = Latch::new();
    let one = Sink::start(Behavior::default()).await.unwrap();
    let fixture = Fixture::new(vec![server("one", one.addr())]);
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "A");
    let late = Behavior::default().after_data(smtp_sink::AfterData::Reply("421 4.3.2 bye".to_owned()));
    one.set_behavior(late.wait(Wait::Until(latch.clone())));
    let outcome = fixture.send_within(&["b@x.org"], SHORT).await;
    assert_eq!(statuses(&outcome), "U");
    one.set_behavior(Behavior::default());
    latch.release();
    assert_eq!(fixture.deliveries.wait(outcome.email.id, LONG).await.unwrap().email.state, State::Queued);
    assert_eq!(copies(&one), "a");
}
