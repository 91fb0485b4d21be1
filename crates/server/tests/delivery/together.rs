//! Concurrent sends, and several servers: identities, Message-IDs, who may send for whom.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use smtp_mcp_server::config::{SenderRule, ServerConfig};
use smtp_mcp_server::upstream::report::Availability;
use smtp_sink::{AfterData, Behavior, Sink};

use crate::fixture::{Fixture, LONG, copies, messages, server, statuses};

async fn start(behavior: Behavior) -> Sink {
    Sink::start(behavior).await.unwrap()
}

#[tokio::test]
async fn sixty_four_at_once_are_sixty_four_mails() {
    let sink = start(Behavior::default()).await;
    let fixture = Fixture::new(vec![ServerConfig { max_connections: 3, ..server("one", sink.addr()) }]);
    let mut sending = tokio::task::JoinSet::new();
    for n in 0..64 {
        let subject = json!({ "subject": format!("mail {n}."), "body": format!("body {n}.") });
        let message = fixture.message(&[&format!("to{n}@x.org")], &subject);
        let sent = fixture.deliver(message, LONG);
        sending.spawn(async move { statuses(&sent.await) });
    }
    assert!(sending.join_all().await.iter().all(|statuses| statuses == "A"));
    let mut seen = HashMap::new();
    for mail in sink.mails() {
        let n = mail.recipients[0].trim_start_matches("to").trim_end_matches("@x.org").to_owned();
        let text = String::from_utf8_lossy(&mail.bytes).into_owned();
        assert!(text.contains(&format!("mail {n}.")) && text.contains(&format!("body {n}.")), "{n}");
        assert_eq!((mail.recipients.len(), mail.defects.len()), (1, 0));
        *seen.entry(n).or_insert(0) += 1;
    }
    assert_eq!((seen.len(), seen.values().max()), (64, Some(&1)));
    let connections = sink.mails().iter().map(|mail| mail.connection).max();
    assert!(connections <= Some(3), "{connections:?}");
}

#[tokio::test]
async fn the_second_server_sends_under_its_own_name_and_the_same_id() {
    let one = start(Behavior::default().after_data(AfterData::Reply("451 later".to_owned()))).await;
    let two = start(Behavior::default()).await;
    let fixture = Fixture::new(vec![server("one", one.addr()), server("two", two.addr())]);
    let message = fixture.message(&["a@x.org"], &json!({}));
    let outcome = fixture.deliver(Arc::clone(&message), LONG).await;
    assert_eq!(statuses(&outcome), "A");
    let mail = &two.mails()[0];
    let text = String::from_utf8_lossy(&mail.bytes).into_owned();
    assert_eq!(mail.sender, "me@two.example");
    assert!(text.contains("me@two.example") && !text.contains("me@one.example"), "{text}");
    assert!(message.message_id.ends_with("@one.example>") || text.contains(&message.message_id));
    assert!(text.contains(message.message_id.trim_matches(['<', '>']).split('@').next().unwrap()));
}

#[tokio::test]
async fn a_chosen_sender_goes_only_where_it_is_owned() {
    let one = start(Behavior::default().reply(smtp_sink::Stage::Greeting, "554 closed")).await;
    let (two, three) = (start(Behavior::default()).await, start(Behavior::default()).await);
    let any = ServerConfig {
        allowed_from: vec![SenderRule::Domain("one.example".to_owned())],
        ..server("three", three.addr())
    };
    let chosen = json!({ "from_email": "me@one.example" });
    for (servers, status, copied) in [
        (vec![server("one", one.addr()), server("two", two.addr())], "D", ""),
        (vec![server("one", one.addr()), server("two", two.addr()), any], "A", "a"),
    ] {
        let fixture = Fixture::new(servers);
        let message = fixture.message(&["a@x.org"], &chosen);
        let outcome = fixture.deliver(message, LONG).await;
        assert_eq!(statuses(&outcome), status, "{}", messages(&outcome));
        assert_eq!((copies(&two).as_str(), copies(&three).as_str()), ("", copied));
    }
    assert_eq!(three.mails()[0].sender, "me@one.example");
}

#[tokio::test]
async fn where_all_are_in_back_off_one_is_tried_at_once() {
    let closed = || Behavior::default().reply(smtp_sink::Stage::Greeting, "554 closed");
    let (one, two) = (start(closed()).await, start(closed()).await);
    let fixture = Fixture::new(vec![server("one", one.addr()), server("two", two.addr())]);
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "D");
    assert_eq!(
        (fixture.availability("one"), fixture.availability("two")),
        (Availability::BackOff, Availability::BackOff)
    );
    one.set_behavior(Behavior::default());
    assert_eq!(statuses(&fixture.send(&["a@x.org"]).await), "A");
    assert_eq!((copies(&one).as_str(), fixture.availability("one")), ("a", Availability::Available));
}

/// Ten recipients that are refused, one after the other, and the next good mail is sent.
#[tokio::test]
async fn bad_addresses_never_touch_the_health() {
    let one = start(Behavior::default().refuse("bad*")).await;
    let fixture = Fixture::new(vec![server("one", one.addr())]);
    for _ in 0..10 {
        assert_eq!(statuses(&fixture.send(&["bad@x.org"]).await), "R");
        assert_eq!(fixture.availability("one"), Availability::Available);
    }
    assert_eq!(statuses(&fixture.send(&["bad@x.org", "a@x.org"]).await), "RA");
    assert_eq!(fixture.upstreams.status().servers[0].last_failure, None);
}

/// The longest and oddest valid addresses can be put on the wire: no other recipient is refused because of them.
#[tokio::test]
async fn every_address_that_is_valid_can_be_sent_to() {
    let one = start(Behavior::default()).await;
    let fixture = Fixture::new(vec![server("one", one.addr())]);
    let long = format!("{}@x.org", "l".repeat(64));
    let quoted = format!("\"{}\"@x.org", "q ".repeat(31));
    let to = ["a@x.org", &long, &quoted, "\"a b\\\"c\"@x.org", "ü@bücher.example", "a@[192.0.2.1]"];
    let outcome = fixture.send(&to).await;
    assert_eq!(statuses(&outcome), "AAAAAA", "{}", messages(&outcome));
    let too_long = format!("\"{}\"@x.org", "q".repeat(63));
    let asked = json!({ "to": ["a@x.org", too_long], "subject": "s", "body": "b" });
    let asked = serde_json::from_value(asked).unwrap();
    let limits = smtp_mcp_server::limits::CallLimits::default();
    assert!(smtp_mcp_server::request::Draft::parse(asked, &limits).is_err());
}
