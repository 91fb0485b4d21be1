//! The dialog fed with scripts: replies in, flights and each recipient's end out.

use super::{Dialog, Step, check};
use crate::{Cause, Content, Delivery, Envelope, Offers, Path, Phase, Reply};

fn envelope(recipients: usize) -> Envelope {
    let path = |text: String| Path::new(&text).unwrap();
    let recipients = (1..=recipients).map(|n| path(format!("r{n}@x.org"))).collect();
    Envelope { sender: Some(path("s@x.org".to_owned())), recipients }
}

fn reply(code: u16) -> Reply {
    Reply { code, enhanced: None, text: "text".to_owned() }
}

/// What was done, in short: each flight's verbs, `content`, and what was read in which phase; then each recipient's end.
struct Played {
    done: Vec<String>,
    ends: Vec<String>,
    in_step: bool,
    clean: bool,
}

/// Plays a transaction against a server that answers with `codes` in order; `0` is a closed connection.
fn play(pipelining: bool, recipients: usize, clean: bool, codes: &[u16]) -> Played {
    let envelope = envelope(recipients);
    let offers = Offers { pipelining, ..Offers::default() };
    let declared = check(&envelope, Content::default().examine(), &offers).unwrap();
    let mut dialog = Dialog::new(&envelope, &offers, declared, clean);
    let mut codes = codes.iter();
    let mut done = Vec::new();
    loop {
        match dialog.step() {
            Step::Done => break,
            Step::Content => done.push("content".to_owned()),
            Step::Send(flight) => done.push(verbs(&flight)),
            Step::Read(phase) => match codes.next() {
                Some(0) => dialog.fail(phase, Cause::Closed),
                Some(code) => dialog.reply(reply(*code)),
                None => panic!("asked for a reply too many after {done:?}"),
            },
        }
    }
    assert_eq!(codes.next(), None, "a reply was left after {done:?}");
    let (in_step, clean) = (dialog.is_in_step(), dialog.is_clean());
    Played { done, ends: ends(&dialog.into_delivery()), in_step, clean }
}

fn verbs(flight: &[u8]) -> String {
    let text = String::from_utf8(flight.to_vec()).unwrap();
    let verbs: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap_or("")).collect();
    verbs.join(" ")
}

fn ends(delivery: &Delivery) -> Vec<String> {
    let short = |end: &Result<Reply, crate::Trouble>| match end {
        Ok(reply) => format!("ok {}", reply.code),
        Err(trouble) => match &trouble.cause {
            Cause::Reply(reply) => format!("{} {}", trouble.phase, reply.code),
            Cause::Closed => format!("{} closed", trouble.phase),
            other => format!("{} {other}", trouble.phase),
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
        assert!(played.in_step && played.clean);
    }
}

#[test]
fn many_recipients_go_in_bounded_flights() {
    let codes = [vec![250; 451], vec![354, 250]].concat();
    let played = play(true, 450, true, &codes);
    let sizes: Vec<usize> = played.done.iter().map(|flight| flight.matches("RCPT").count()).collect();
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
        let next = match (played.in_step, played.clean) {
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
    assert!(!played.in_step);
}

#[test]
fn nothing_is_written_after_the_lone_dot() {
    let played = play(true, 1, true, &[250, 550, 354, 554]);
    assert_eq!(played.done, ["MAIL RCPT DATA", "."]);
}

#[test]
fn what_is_known_before() {
    let all = Offers {
        size: true,
        size_limit: Some(10),
        eight_bit_mime: true,
        smtputf8: true,
        ..Offers::default()
    };
    let none = Offers::default();
    let content = |text: &'static str, smtputf8| Content { pieces: vec![text.into()], smtputf8 };
    let wide = Envelope { sender: None, recipients: vec![Path::new("ü@x.org").unwrap()] };
    for (envelope, content, offers, cause) in [
        (&envelope(1), content("short\r\n", false), &none, None),
        (&envelope(1), content("a bit long\r\n", false), &all, Some(Cause::TooLarge { size: 12, limit: 10 })),
        (&envelope(1), content("ü\r\n", false), &none, Some(Cause::Needs8BitMime)),
        (&envelope(1), content("ü\r\n", true), &none, Some(Cause::NeedsSmtpUtf8)),
        (&envelope(1), content("ü\r\n", true), &all, None),
        (&wide, content("a\r\n", false), &none, Some(Cause::NeedsSmtpUtf8)),
        (&wide, content("a\r\n", false), &all, None),
        (&envelope(1), content("a\nb", false), &all, Some(Cause::LineEnds)),
    ] {
        let found = check(envelope, content.examine(), offers).err();
        assert_eq!(found.as_ref().map(|trouble| trouble.phase), cause.as_ref().map(|_| Phase::Mail));
        assert_eq!(found.map(|trouble| trouble.cause), cause);
    }
}
