//! Transactions against scripted replies: the commands sent, and each recipient's result.

use super::{Transaction, TransactionStep, check};
use crate::{Content, Delivery, Envelope, ErrorKind, Extensions, Path, Phase, Reply};

fn envelope(recipients: usize) -> Envelope {
    let path = |text: String| Path::new(&text).unwrap();
    let recipients = (1..=recipients).map(|n| path(format!("r{n}@x.org"))).collect();
    Envelope { sender: Some(path("s@x.org".to_owned())), recipients }
}

fn reply(code: u16) -> Reply {
    Reply { code, enhanced: None, text: "text".to_owned() }
}

/// A trace: each group's verbs, `content`, and what was read in which phase; then each recipient's result.
struct Played {
    done: Vec<String>,
    ends: Vec<String>,
    in_sync: bool,
    clean: bool,
}

/// Plays a transaction against a server that answers with `codes` in order; `0` is a closed connection.
fn play(pipelining: bool, recipients: usize, clean: bool, codes: &[u16]) -> Played {
    let envelope = envelope(recipients);
    let extensions = Extensions { pipelining, ..Extensions::default() };
    let params = check(&envelope, Content::default().info(), &extensions).unwrap();
    let mut transaction = Transaction::new(&envelope, &extensions, params, clean);
    let mut codes = codes.iter();
    let mut done = Vec::new();
    loop {
        match transaction.step() {
            TransactionStep::Done => break,
            TransactionStep::Content => done.push("content".to_owned()),
            TransactionStep::Send(group) => done.push(verbs(&group)),
            TransactionStep::Read(phase) => match codes.next() {
                Some(0) => transaction.fail(phase, ErrorKind::Closed),
                Some(code) => transaction.reply(reply(*code)),
                None => panic!("asked for a reply too many after {done:?}"),
            },
        }
    }
    assert_eq!(codes.next(), None, "a reply was left after {done:?}");
    let (in_sync, clean) = (transaction.is_in_sync(), transaction.is_clean());
    Played { done, ends: ends(&transaction.into_delivery()), in_sync, clean }
}

fn verbs(group: &[u8]) -> String {
    let text = String::from_utf8(group.to_vec()).unwrap();
    let verbs: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap_or("")).collect();
    verbs.join(" ")
}

fn ends(delivery: &Delivery) -> Vec<String> {
    let short = |end: &Result<Reply, crate::Error>| match end {
        Ok(reply) => format!("ok {}", reply.code),
        Err(error) => match &error.kind {
            ErrorKind::Reply(reply) => format!("{} {}", error.phase, reply.code),
            ErrorKind::Closed => format!("{} closed", error.phase),
            other => format!("{} {other}", error.phase),
        },
    };
    delivery.recipients.iter().map(short).collect()
}

#[test]
fn flights() {
    for (pipelining, recipients, clean, codes, flights) in [
        (true, 2, true, &[250, 250, 250, 354, 250][..], &["MAIL RCPT RCPT DATA", "content"][..]),
        (true, 1, false, &[250, 250, 250, 354, 250], &["RSET MAIL RCPT DATA", "content"]),
        (false, 2, true, &[250, 250, 250, 354, 250], &["MAIL", "RCPT", "RCPT", "DATA", "content"]),
        (false, 1, false, &[250, 250, 250, 354, 250], &["RSET", "MAIL", "RCPT", "DATA", "content"]),
        (true, 0, true, &[], &[]),
    ] {
        let played = play(pipelining, recipients, clean, codes);
        assert_eq!(played.done, flights);
        assert_eq!(played.ends, vec!["ok 250"; recipients]);
        assert!(played.in_sync && played.clean);
    }
}

#[test]
fn many_recipients_go_in_bounded_flights() {
    let codes = [vec![250; 451], vec![354, 250]].concat();
    let played = play(true, 450, true, &codes);
    let sizes: Vec<usize> = played.done.iter().map(|group| group.matches("RCPT").count()).collect();
    assert_eq!(sizes, [200, 200, 50, 0]);
    assert_eq!(played.ends, vec!["ok 250"; 450]);
}

/// What each reply means to two recipients: `p`ipelined or in `l`ockstep, codes (0: the connection closed) | ends | what
/// the next transaction finds: a `clean` session, one `to reset`, or `none`.
const MEANINGS: &str = "
    p 250 550 250 354 250 | RCPT TO 550, ok 250              | clean
    l 250 250 450 354 250 | ok 250, RCPT TO 450              | clean
    p 250 251 252 354 250 | ok 250, ok 250                   | clean

    all refused
    p 250 550 551 503     | RCPT TO 550, RCPT TO 551         | to reset
    p 250 550 451 354 554 | RCPT TO 550, RCPT TO 451         | to reset
    p 250 550 550 354 250 | RCPT TO 550, RCPT TO 550         | to reset
    l 250 550 450         | RCPT TO 550, RCPT TO 450         | to reset

    MAIL refused
    p 550 503 503 503     | MAIL FROM 550, MAIL FROM 550     | to reset
    p 451 503 503 354 554 | MAIL FROM 451, MAIL FROM 451     | to reset
    l 530                 | MAIL FROM 530, MAIL FROM 530     | to reset

    MAIL refused, yet a recipient taken and data asked for: an end would send something
    p 550 250 503 354     | MAIL FROM 550, MAIL FROM 550     | none

    DATA refused
    p 250 550 250 451     | RCPT TO 550, DATA 451            | to reset
    l 250 250 250 554     | DATA 554, DATA 554               | to reset
    l 250 250 250 250     | DATA 250, DATA 250               | none

    the end refused, to those whom RCPT accepted
    p 250 550 250 354 554 | RCPT TO 550, end of data 554     | to reset
    p 250 250 250 354 451 | end of data 451, end of data 451 | to reset
    p 250 250 250 354 354 | end of data 354, end of data 354 | none

    421, for everyone without a reply of their own
    p 421                 | MAIL FROM 421, MAIL FROM 421     | none
    p 250 550 421         | RCPT TO 550, RCPT TO 421         | none
    l 250 250 421         | RCPT TO 421, RCPT TO 421         | none
    p 250 250 550 421     | DATA 421, RCPT TO 550            | none
    p 250 250 550 354 421 | end of data 421, RCPT TO 550     | none
    p 550 421             | MAIL FROM 550, MAIL FROM 550     | none

    the connection lost
    p 0                   | MAIL FROM closed, MAIL FROM closed   | none
    p 250 550 0           | RCPT TO 550, RCPT TO closed          | none
    l 250 250 550 0       | DATA closed, RCPT TO 550             | none
    l 250 250 550 354 0   | end of data closed, RCPT TO 550      | none
";

#[test]
fn meanings() {
    for row in MEANINGS.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let codes: Vec<u16> = cells[0].split(' ').skip(1).map(|code| code.parse().unwrap()).collect();
        let played = play(cells[0].starts_with('p'), 2, true, &codes);
        let next = match (played.in_sync, played.clean) {
            (true, true) => "clean",
            (true, false) => "to reset",
            (false, _) => "none",
        };
        assert_eq!((played.ends.join(", ").as_str(), next), (cells[1], cells[2]), "{row}");
    }
}

#[test]
fn nothing_is_sent_over_a_refused_reset() {
    let played = play(true, 1, false, &[502]);
    assert!(played.ends[0].starts_with("MAIL FROM the server's answer was not SMTP: RSET was answered 502"));
    assert!(!played.in_sync);
}

#[test]
fn nothing_is_written_after_the_lone_dot() {
    let played = play(true, 1, true, &[250, 550, 354, 554]);
    assert_eq!(played.done, ["MAIL RCPT DATA", "."]);
}

#[test]
fn what_is_known_before() {
    let all = Extensions {
        size: true,
        size_limit: Some(10),
        eight_bit_mime: true,
        smtputf8: true,
        ..Extensions::default()
    };
    let none = Extensions::default();
    let content = |text: &'static str, smtputf8| Content { chunks: vec![text.into()], smtputf8 };
    let wide = Envelope { sender: None, recipients: vec![Path::new("ü@x.org").unwrap()] };
    for (envelope, content, extensions, kind) in [
        (&envelope(1), content("short\r\n", false), &none, None),
        (
            &envelope(1),
            content("a bit long\r\n", false),
            &all,
            Some(ErrorKind::TooLarge { size: 12, limit: 10 }),
        ),
        (&envelope(1), content("ü\r\n", false), &none, Some(ErrorKind::Needs8BitMime)),
        (&envelope(1), content("ü\r\n", true), &none, Some(ErrorKind::NeedsSmtpUtf8)),
        (&envelope(1), content("ü\r\n", true), &all, None),
        (&wide, content("a\r\n", false), &none, Some(ErrorKind::NeedsSmtpUtf8)),
        (&wide, content("a\r\n", false), &all, None),
        (&envelope(1), content("a\nb", false), &all, Some(ErrorKind::LineEnds)),
    ] {
        let found = check(envelope, content.info(), extensions).err();
        assert_eq!(found.as_ref().map(|error| error.phase), kind.as_ref().map(|_| Phase::Mail));
        assert_eq!(found.map(|error| error.kind), kind);
    }
}
