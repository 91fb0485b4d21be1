//! The pool: sessions are used again, replaced when dead, and a refused login is not repeated.

use std::sync::Arc;
use std::time::Duration;

use crate::peer::Peer;
use smtp_submission::{CommitPoint, Content, Credentials, Envelope, ErrorKind, Mail, Path, Phase, Pool};

fn envelope() -> Envelope {
    Envelope { sender: None, recipients: vec![Path::new("a@x.org").unwrap()] }
}

fn content() -> Content {
    Content { chunks: vec!["x\r\n".into()], smtputf8: false }
}

const HELLO: &str = "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 PIPELINING\n";
const MAIL: &str = "C: MAIL FROM:<>\nC: RCPT TO:<a@x.org>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: x\nC: .\nS: 250 done\n";
pub(crate) const BYE: &str = "C: QUIT\nS: 221 bye\n= eof";

async fn deliver(pool: &Pool) -> Result<String, String> {
    let ready = pool.connect().await.map_err(|error| error.to_string())?;
    let delivery = ready.deliver(Mail::new(envelope(), content(), CommitPoint::new())).await;
    match &delivery.recipients[0] {
        Ok(reply) => Ok(reply.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn one_session_carries_many_messages() {
    let peer = Peer::play(&[&format!("{HELLO}{MAIL}{MAIL}{MAIL}{BYE}")]).await;
    let pool = Pool::new(peer.server(), 2);
    for _ in 0..3 {
        assert_eq!(deliver(&pool).await.unwrap(), "250 done");
    }
    pool.drain().await;
    peer.finish().await;
}

#[tokio::test]
async fn a_session_ends_after_a_hundred_messages() {
    let peer =
        Peer::play(&[&format!("{HELLO}{}{BYE}", MAIL.repeat(100)), &format!("{HELLO}{MAIL}{BYE}")]).await;
    let pool = Pool::new(peer.server(), 1);
    for _ in 0..101 {
        assert_eq!(deliver(&pool).await.unwrap(), "250 done");
    }
    pool.drain().await;
    peer.finish().await;
}

/// No session is idle after the drain.
#[tokio::test]
async fn a_drained_pool_parks_no_more() {
    let peer = Peer::play(&[&format!("{HELLO}{MAIL}{BYE}")]).await;
    let pool = Pool::new(peer.server(), 1);
    pool.drain().await;
    assert_eq!(deliver(&pool).await.unwrap(), "250 done");
    peer.finish().await;
}

/// Sends so many messages at the same time.
async fn deliver_together(pool: &Pool, messages: usize) -> Vec<String> {
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..messages {
        let pool = pool.clone();
        sending.spawn(async move { deliver(&pool).await.unwrap_or_else(|error| error) });
    }
    let mut results = sending.join_all().await;
    results.sort();
    results
}

const CHUNKING: &str = "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250-PIPELINING\nS: 250 CHUNKING\n";
const FLIGHT: &str = "C: MAIL FROM:<>\nC: RCPT TO:<a@x.org>\nC: BDAT 3 LAST\nC: x\n";
const TAKEN: &str = "S: 250 ok\nS: 250 ok\nS: 250 done\n";

/// Whoever waits for the session of another shares it: three messages behind the first, which shows that the server knows BDAT.
#[tokio::test]
async fn those_who_wait_share_a_session() {
    let behind = format!("{FLIGHT}C: RSET\n{FLIGHT}C: RSET\n{FLIGHT}");
    let script = format!("{CHUNKING}{FLIGHT}{TAKEN}{behind}{TAKEN}S: 250 ok\n{TAKEN}S: 250 ok\n{TAKEN}{BYE}");
    let peer = Peer::play(&[&script]).await;
    let pool = Pool::new(peer.server(), 1);
    assert_eq!(deliver_together(&pool, 4).await, vec!["250 done"; 4]);
    pool.drain().await;
    peer.finish().await;
}

/// What opening takes, and then: one round trip for the first, one for three that share the session.
#[tokio::test]
async fn round_trips_and_bytes_are_counted() {
    let behind = format!("{FLIGHT}C: RSET\n{FLIGHT}C: RSET\n{FLIGHT}");
    let replies = format!("{TAKEN}S: 250 ok\n{TAKEN}S: 250 ok\n{TAKEN}").replace("S: ", "S+ ");
    let replies = replies.trim_end().strip_suffix("S+ 250 done").unwrap().to_owned() + "S: 250 done\n";
    let script = format!("{CHUNKING}{FLIGHT}{TAKEN}{behind}{replies}{BYE}");
    let peer = Peer::play(&[&script]).await;
    let pool = Pool::new(peer.server(), 1);
    deliver_together(&pool, 4).await;
    let counters = pool.counters();
    assert_eq!((counters.sessions_opened, counters.sessions_reused, counters.messages), (1, 0, 4));
    // EHLO, the first message, and the others; the replies to the first come one by one.
    assert_eq!(counters.round_trips, 3);
    let flight = "MAIL FROM:<>  RCPT TO:<a@x.org>  BDAT 3 LAST  x  ".len() as u64;
    assert_eq!(
        counters.bytes_sent,
        "EHLO [127.0.0.1]  ".len() as u64 + 4 * flight + 2 * "RSET  ".len() as u64
    );
    pool.drain().await;
    peer.finish().await;
}

#[tokio::test]
async fn a_cut_leaves_those_unknown_that_were_sent_whole_and_unanswered() {
    let behind = format!("{FLIGHT}C: RSET\n{FLIGHT}C: RSET\n{FLIGHT}");
    let first = format!("{CHUNKING}{FLIGHT}{TAKEN}{behind}{TAKEN}= close");
    let peer = Peer::play(&[&first]).await;
    let pool = Pool::new(peer.server(), 1);
    let cut = "the server closed the connection (end of data)";
    assert_eq!(deliver_together(&pool, 4).await, ["250 done", "250 done", cut, cut]);
    peer.finish().await;
}

/// 421 without closing: the content behind it may be accepted, so it is not sent again.
#[tokio::test]
async fn what_is_behind_a_421_of_a_server_that_goes_on_is_unknown() {
    let script = format!("{CHUNKING}{FLIGHT}S: 250 ok\nS+ 421 try later\nS: 250 done\n= eof");
    let peer = Peer::play(&[&script]).await;
    let pool = Pool::new(peer.server(), 1);
    let error = deliver(&pool).await.unwrap_err();
    assert_eq!(
        error,
        "the server's answer was not SMTP: the server went on after 421 try later (end of data)"
    );
    peer.finish().await;
}

#[tokio::test]
async fn what_a_closing_server_did_not_take_goes_over_a_new_session() {
    let behind = format!("{FLIGHT}C: RSET\n{FLIGHT}C: RSET\n{FLIGHT}");
    let first = format!("{CHUNKING}{FLIGHT}{TAKEN}{behind}{TAKEN}S: 421 no more messages\n= close");
    let second = format!("{CHUNKING}{FLIGHT}{TAKEN}{FLIGHT}{TAKEN}{BYE}");
    let peer = Peer::play(&[&first, &second]).await;
    let pool = Pool::new(peer.server(), 1);
    assert_eq!(deliver_together(&pool, 4).await, vec!["250 done"; 4]);
    // The number of messages was about the session, and is no reason for a pause.
    assert!(pool.connect_within(Duration::from_secs(1)).await.is_ok());
    pool.drain().await;
    peer.finish().await;
}

/// A message that makes the server close is tried on a used session, which may be what is over, and on a new one. Those behind it
/// go over a third.
#[tokio::test]
async fn one_message_that_ends_two_sessions_does_not_hold_up_the_one_behind_it() {
    let closing = "S: 250 ok\nS: 421 not this recipient\n= close";
    let first = format!("{CHUNKING}{FLIGHT}{TAKEN}{FLIGHT}{TAKEN}{FLIGHT}C: RSET\n{FLIGHT}{closing}");
    let second = format!("{CHUNKING}{FLIGHT}{closing}");
    let third = format!("{CHUNKING}{FLIGHT}{TAKEN}{BYE}");
    let peer = Peer::play(&[&first, &second, &third]).await;
    let pool = Pool::new(peer.server(), 1);
    assert_eq!(deliver(&pool).await.unwrap(), "250 done");
    let answers = deliver_together(&pool, 3).await;
    assert_eq!(answers, ["250 done", "250 done", "the server answered 421 not this recipient (RCPT TO)"]);
    pool.drain().await;
    peer.finish().await;
}

#[tokio::test]
async fn no_minute_has_more_messages_than_allowed() {
    let peer = Peer::play(&[&format!("{HELLO}{MAIL}{MAIL}{BYE}")]).await;
    let pool = Pool::with_max_rate(peer.server(), 1, Some(2));
    for _ in 0..2 {
        assert_eq!(deliver(&pool).await.unwrap(), "250 done");
    }
    let error = pool.connect_within(Duration::from_millis(20)).await.err().unwrap();
    assert!(
        matches!(error.kind(), ErrorKind::Paced(wait) if *wait > Duration::from_secs(50)),
        "{error:?}: {:?}",
        error.classify()
    );
    pool.drain().await;
    peer.finish().await;
}

#[tokio::test]
async fn a_server_that_gets_too_much_is_given_a_pause() {
    for (refusal, is_paused) in [
        ("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", true),
        ("450 4.7.1 Error: too much mail from 192.0.2.1", true),
        ("450 4.7.1 Greylisted, come back later", false),
        ("451 4.3.0 local error", false),
    ] {
        let refused = MAIL.replace("S: 250 done", &format!("S: {refusal}"));
        let peer = Peer::play(&[&format!("{HELLO}{refused}{BYE}")]).await;
        let pool = Pool::new(peer.server(), 1);
        assert!(deliver(&pool).await.unwrap_err().contains(refusal));
        let next = pool.connect_within(Duration::from_millis(20)).await;
        let paused = next.as_ref().is_err_and(|error| matches!(error.kind(), ErrorKind::Paced(_)));
        assert_eq!(paused, is_paused, "{refusal}");
        drop(next);
        pool.drain().await;
        peer.finish().await;
    }
}

/// A server, or something before it, that offers what it does not know gets the message without it, now and later.
#[tokio::test]
async fn an_extension_that_is_refused_is_done_without() {
    let without_pipelining =
        "C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<a@x.org>\nS: 250 ok\nC: BDAT 3 LAST\nC: x\nS: 250 done\n";
    for (refusal, mail) in [
        ("S: 250 ok\nS: 250 ok\nS: 502 what is BDAT?\n= eof", MAIL),
        ("S: 554 SMTP synchronization error\n= eof", without_pipelining),
    ] {
        let first = format!("{CHUNKING}{FLIGHT}{refusal}");
        let peer = Peer::play(&[&first, &format!("{CHUNKING}{mail}{mail}{BYE}")]).await;
        let pool = Pool::new(peer.server(), 1);
        assert_eq!(deliver(&pool).await.unwrap(), "250 done");
        assert_eq!(deliver(&pool).await.unwrap(), "250 done");
        pool.drain().await;
        peer.finish().await;
    }
}

#[tokio::test]
async fn a_session_that_gets_421_or_is_closed_while_idle_is_not_used() {
    for parting in ["= close", "S: 421 idle for too long\n= eof"] {
        // In one segment with the reply, so that it is there when the session is checked.
        let mail =
            MAIL.replace("S: 250 done", if parting.starts_with('S') { "S+ 250 done" } else { "S: 250 done" });
        let first = format!("{HELLO}{mail}{parting}");
        let peer = Peer::play(&[&first, &format!("{HELLO}{MAIL}{BYE}")]).await;
        let pool = Pool::new(peer.server(), 1);
        assert_eq!(deliver(&pool).await.unwrap(), "250 done");
        assert_eq!(deliver(&pool).await.unwrap(), "250 done");
        pool.drain().await;
        peer.finish().await;
    }
}

/// The server reads the group on a reused session and then closes it: too late to be noticed before, early enough to be replaced.
#[tokio::test]
async fn a_warm_session_that_dies_before_the_end_is_replaced_once() {
    let group = "C: MAIL FROM:<>\nC: RCPT TO:<a@x.org>\nC: DATA\n";
    for death in ["= close", "S: 421 going down\n= eof", "S: 250 ok\nS: 250 ok\nS: 421 going down\n= eof"] {
        let first = format!("{HELLO}{MAIL}{group}{death}");
        let peer = Peer::play(&[&first, &format!("{HELLO}{MAIL}{BYE}")]).await;
        let pool = Pool::new(peer.server(), 1);
        assert_eq!(deliver(&pool).await.unwrap(), "250 done");
        assert_eq!(deliver(&pool).await.unwrap(), "250 done", "{death}");
        pool.drain().await;
        peer.finish().await;
    }
}

/// A peer may be gone without a word between two messages of the same session, too.
#[tokio::test]
async fn a_session_that_falls_silent_after_a_message_is_replaced() {
    let hello = "S: 220 mx\nC: EHLO *\nS: 250 mx\n";
    let mail = "C: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<a@x.org>\nS: 250 ok\nC: DATA\nS: 354 go\nC: x\nC: .\nS: 250 done\n";
    let first = format!("{hello}{mail}C: MAIL FROM:<>\n= stall");
    let peer = Peer::play(&[&first, &format!("{hello}{mail}{mail}{BYE}")]).await;
    let mut server = peer.server();
    server.limits.command = Duration::from_millis(200);
    let pool = Pool::new(server, 1);
    assert_eq!(deliver_together(&pool, 3).await, vec!["250 done"; 3]);
    pool.drain().await;
    peer.finish().await;
}

#[tokio::test]
async fn what_was_decided_or_handed_over_is_not_tried_again() {
    let group = "C: MAIL FROM:<>\nC: RCPT TO:<a@x.org>\nC: DATA\n";
    for (ending, words) in [
        (
            "S: 250 ok\nS: 250 ok\nS: 354 go\nC: x\nC: .\n= close",
            "the server closed the connection (end of data)",
        ),
        ("S: 250 ok\nS: 550 no\nS: 421 bye\n= eof", "the server answered 550 no (RCPT TO)"),
    ] {
        let peer = Peer::play(&[&format!("{HELLO}{MAIL}{group}{ending}")]).await;
        let pool = Pool::new(peer.server(), 1);
        assert_eq!(deliver(&pool).await.unwrap(), "250 done");
        assert_eq!(deliver(&pool).await.unwrap_err(), words);
        peer.finish().await;
    }
}

#[tokio::test]
async fn a_new_session_that_dies_is_not_replaced() {
    let peer =
        Peer::play(&[&format!("{HELLO}C: MAIL FROM:<>\nC: RCPT TO:<a@x.org>\nC: DATA\n= close")]).await;
    let pool = Pool::new(peer.server(), 1);
    assert_eq!(deliver(&pool).await.unwrap_err(), "the server closed the connection (MAIL FROM)");
    peer.finish().await;
}

#[tokio::test]
async fn unused_sessions_go_back() {
    let peer = Peer::play(&[&format!("{HELLO}{MAIL}{BYE}")]).await;
    let pool = Pool::new(peer.server(), 1);
    drop(pool.connect().await.unwrap());
    assert_eq!(deliver(&pool).await.unwrap(), "250 done");
    pool.drain().await;
    peer.finish().await;
}

#[tokio::test]
async fn a_check_opens_a_new_session_and_keeps_it() {
    let peer = Peer::play(&[&format!("{HELLO}{MAIL}{BYE}"), &format!("{HELLO}{BYE}")]).await;
    let pool = Pool::new(peer.server(), 1);
    let info = pool.check().await.unwrap();
    assert_eq!((info.keywords.as_slice(), info.tls_version), (&["PIPELINING".to_owned()][..], None));
    assert_eq!(deliver(&pool).await.unwrap(), "250 done");
    // The first is idle, so there is no room for a second.
    pool.check().await.unwrap();
    pool.drain().await;
    peer.finish().await;
}

#[tokio::test]
async fn a_refused_login_is_tried_once_whoever_asks_until_told() {
    let hello = "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 AUTH PLAIN\nC: AUTH *\n";
    let peer = Peer::play(&[&format!("{hello}S: 535 no"), &format!("{hello}S: 235 yes\n{BYE}")]).await;
    let mut server = peer.server();
    server.credentials = Some(Arc::new(Credentials::password("ada", "pw".to_owned().into())));
    server.allow_plaintext_login = true;
    let pool = Pool::new(server, 8);

    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let pool = pool.clone();
        asking.spawn(async move { pool.connect().await.err().unwrap() });
    }
    while let Some(error) = asking.join_next().await {
        let error = error.unwrap();
        assert_eq!((error.phase(), error.reply().map(|reply| reply.code)), (Phase::Auth, Some(535)));
    }
    assert!(pool.check().await.is_err());

    pool.forget_login_refusal();
    pool.check().await.unwrap();
    pool.drain().await;
    peer.finish().await;
}
