//! Pipelines against scripted replies: what is written together, and each recipient's result.

use super::{Framing, Part, Pipeline, SessionState, Step};
use crate::transaction::{Transaction, check};
use crate::{Content, Delivery, Envelope, ErrorKind, Extensions, Path, Phase, Reply};

/// How messages are sent: what the server offers, and how the session and the message are.
#[derive(Debug, Clone, Copy)]
struct Mode {
    pipelining: bool,
    chunking: bool,
    active: bool,
    all_or_nothing: bool,
}

impl Mode {
    /// `l`ockstep, `p`ipelining, `c`hunking with pipelining, the same on an `i`dle session, chunking `w`ithout pipelining; in upper case:
    /// to all recipients or none.
    fn of(letter: char) -> Self {
        let mode = |pipelining, chunking, active| Self {
            pipelining,
            chunking,
            active,
            all_or_nothing: letter.is_uppercase(),
        };
        match letter.to_ascii_lowercase() {
            'l' => mode(false, false, true),
            'p' => mode(true, false, true),
            'c' => mode(true, true, true),
            'i' => mode(true, true, false),
            'w' => mode(false, true, true),
            other => panic!("mode {other}"),
        }
    }

    fn extensions(self) -> Extensions {
        Extensions { pipelining: self.pipelining, chunking: self.chunking, ..Extensions::default() }
    }
}

fn envelope(recipients: usize) -> Envelope {
    let path = |text: String| Path::new(&text).unwrap();
    let recipients = (1..=recipients).map(|n| path(format!("r{n}@x.org"))).collect();
    Envelope { sender: Some(path("s@x.org".to_owned())), recipients }
}

fn reply(code: u16) -> Reply {
    Reply { code, enhanced: None, text: "text".to_owned() }
}

/// What was written together, in verbs; each recipient's result, in the order in which the messages ended; what the next message finds.
struct Played {
    written: Vec<String>,
    results: Vec<String>,
    session: SessionState,
}

/// A session with a server that knows BDAT.
fn session(mode: Mode) -> SessionState {
    SessionState { in_sync: true, clean: true, active: mode.active, knows_bdat: true }
}

/// Plays messages with so many recipients each, against a server that answers with `codes` in order; `0` is a closed connection.
fn play(mode: Mode, messages: &[usize], session: SessionState, codes: &[u16]) -> Played {
    let replies: Vec<Reply> = codes.iter().map(|code| reply(*code)).collect();
    play_sizes(
        mode,
        &messages.iter().map(|recipients| (*recipients, 10)).collect::<Vec<_>>(),
        session,
        &replies,
    )
}

fn play_sizes(mode: Mode, messages: &[(usize, u64)], session: SessionState, replies: &[Reply]) -> Played {
    let extensions = mode.extensions();
    let envelopes: Vec<_> = messages.iter().map(|(recipients, _)| envelope(*recipients)).collect();
    let transaction = |(envelope, (_, size)): (_, &(usize, u64))| {
        let mut params = check(envelope, Content::default().info(), &extensions).unwrap();
        params.size = *size;
        Transaction::new(envelope, params, mode.all_or_nothing)
    };
    let transactions = envelopes.iter().zip(messages).map(transaction).collect();
    let mut pipeline = Pipeline::new(transactions, &extensions, session);
    let mut replies = replies.iter();
    let (mut written, mut results, mut done) = (Vec::new(), Vec::new(), false);
    loop {
        while let Some((message, delivery)) = pipeline.take_outcome() {
            assert_eq!(delivery.recipients.len(), messages[message].0);
            results.extend(described(&delivery));
        }
        if done {
            break;
        }
        match pipeline.step(|_| true) {
            Step::Done => done = true,
            Step::Write(parts) => written.push(verbs(&parts)),
            Step::Upload(message, Framing::Dot | Framing::Chunk) => {
                pipeline.set_handed_over(message, true);
                written.push("upload".to_owned());
            }
            Step::Read(_) => match replies.next() {
                Some(reply) if reply.code == 0 => pipeline.fail(&ErrorKind::Closed),
                Some(reply) => pipeline.reply(reply.clone()),
                None => panic!("asked for a reply too many after {written:?}"),
            },
        }
    }
    assert_eq!(replies.next(), None, "a reply was left after {written:?}");
    Played { written, results, session: pipeline.session() }
}

fn verbs(parts: &[Part]) -> String {
    let mut verbs = Vec::new();
    for part in parts {
        match part {
            Part::Content(..) => verbs.push("content".to_owned()),
            Part::Commands(commands) => {
                let text = String::from_utf8(commands.clone()).unwrap();
                verbs.extend(text.lines().map(|line| line.split(' ').next().unwrap_or("").to_owned()));
            }
        }
    }
    verbs.join(" ")
}

fn described(delivery: &Delivery) -> Vec<String> {
    let short = |end: &Result<Reply, crate::Error>| match end {
        Ok(reply) => format!("ok {}", reply.code),
        Err(error) => match &error.kind {
            ErrorKind::Reply(reply) => format!("{} {}", error.phase, reply.code),
            ErrorKind::Closed => format!("{} closed", error.phase),
            ErrorKind::ClosedBefore => "closed before".to_owned(),
            ErrorKind::AllOrNothing => "withheld".to_owned(),
            ErrorKind::RefusesExtension(name, reply) => format!("no {name}, {}", reply.code),
            ErrorKind::Garbage(_) => format!("{} garbage", error.phase),
            other => format!("{} {other}", error.phase),
        },
    };
    delivery.recipients.iter().map(short).collect()
}

#[test]
fn flights() {
    for (letter, messages, codes, flights) in [
        ('p', &[2][..], &[250, 250, 250, 354, 250][..], &["MAIL RCPT RCPT DATA", "content"][..]),
        ('l', &[2], &[250, 250, 250, 354, 250], &["MAIL", "RCPT", "RCPT", "DATA", "content"]),
        ('c', &[2], &[250, 250, 250, 250], &["MAIL RCPT RCPT BDAT content"]),
        ('i', &[2], &[250, 250, 250, 250], &["MAIL RCPT RCPT", "BDAT content"]),
        ('w', &[1], &[250, 250, 250], &["MAIL", "RCPT", "BDAT content"]),
        ('C', &[1], &[250, 250, 250], &["MAIL RCPT", "BDAT content"]),
        ('P', &[1], &[250, 250, 354, 250], &["MAIL RCPT", "DATA", "content"]),
        ('L', &[1], &[250, 250, 354, 250], &["MAIL", "RCPT", "DATA", "content"]),
        (
            'p',
            &[1, 1],
            &[250, 250, 354, 250, 250, 250, 250, 354, 250],
            &["MAIL RCPT DATA", "content RSET MAIL RCPT DATA", "content"],
        ),
        (
            'l',
            &[1, 1],
            &[250, 250, 354, 250, 250, 250, 354, 250],
            &["MAIL", "RCPT", "DATA", "content", "MAIL", "RCPT", "DATA", "content"],
        ),
        (
            'c',
            &[1, 1],
            &[250, 250, 250, 250, 250, 250, 250],
            &["MAIL RCPT BDAT content RSET MAIL RCPT BDAT content"],
        ),
        (
            'i',
            &[1, 1],
            &[250, 250, 250, 250, 250, 250, 250],
            &["MAIL RCPT", "BDAT content RSET MAIL RCPT BDAT content"],
        ),
        ('c', &[0], &[], &[]),
    ] {
        let mode = Mode::of(letter);
        let played = play(mode, messages, session(mode), codes);
        assert_eq!(played.written, flights, "{letter}");
        assert_eq!(played.results, vec!["ok 250"; messages.iter().sum()]);
        assert!(played.session.in_sync && played.session.clean);
    }
}

#[test]
fn a_session_that_is_not_clean_is_reset_first() {
    let mode = Mode::of('p');
    let after_refusal = SessionState { clean: false, ..session(mode) };
    let played = play(mode, &[1], after_refusal, &[250, 250, 250, 354, 250]);
    assert_eq!(played.written, ["RSET MAIL RCPT DATA", "content"]);
}

#[test]
fn many_recipients_go_in_bounded_flights() {
    for letter in ['p', 'c'] {
        let mode = Mode::of(letter);
        let codes = match letter {
            'p' => [vec![250; 451], vec![354, 250]].concat(),
            _ => vec![250; 452],
        };
        let played = play(mode, &[450], session(mode), &codes);
        let sizes: Vec<usize> = played.written.iter().map(|group| group.matches("RCPT").count()).collect();
        assert_eq!(sizes, [200, 200, 50, 0]);
        assert_eq!(played.results, vec!["ok 250"; 450]);
    }
}

#[test]
fn a_window_is_bounded_in_messages_bytes_and_replies() {
    let mode = Mode::of('c');
    for (messages, replies, first) in
        [(vec![(1, 10); 20], 79, 16), (vec![(1, 100 << 10); 4], 15, 2), (vec![(60, 10); 4], 251, 3)]
    {
        let played = play_sizes(mode, &messages, session(mode), &vec![reply(250); replies]);
        assert_eq!(played.written[0].matches("BDAT").count(), first, "{messages:?}");
        assert!(played.results.iter().all(|result| result == "ok 250"));
    }
}

#[test]
fn a_large_content_waits_for_its_envelope_and_is_written_alone() {
    for (letter, codes, flights) in [
        ('c', &[250, 250, 250][..], &["MAIL RCPT", "upload"][..]),
        ('p', &[250, 250, 354, 250], &["MAIL RCPT DATA", "upload"]),
    ] {
        let mode = Mode::of(letter);
        let replies: Vec<Reply> = codes.iter().map(|code| reply(*code)).collect();
        let played = play_sizes(mode, &[(1, 1 << 20)], session(mode), &replies);
        assert_eq!(
            (played.written, played.results),
            (flights.iter().map(|f| (*f).to_owned()).collect(), vec!["ok 250".to_owned()])
        );
    }
}

#[test]
fn a_server_has_to_answer_bdat_before_a_second_message_follows() {
    let mode = Mode::of('c');
    let new = SessionState { knows_bdat: false, ..session(mode) };
    let played = play(mode, &[1, 1], new, &[250; 6]);
    assert_eq!(played.written, ["MAIL RCPT BDAT content", "MAIL RCPT BDAT content"]);
    assert!(played.session.knows_bdat);
    let played = play(mode, &[1, 1], new, &[250, 250, 502]);
    assert_eq!(played.results, ["no CHUNKING, 502", "closed before"]);
    assert!(!played.session.in_sync);
    let refused = play(mode, &[1], new, &[250, 550, 503]);
    assert_eq!(refused.results, ["RCPT TO 550"]);
}

#[test]
fn a_server_that_refuses_pipelining_is_believed() {
    let mode = Mode::of('c');
    let words = Reply { code: 554, enhanced: None, text: "SMTP synchronization error".to_owned() };
    let new = SessionState { knows_bdat: false, ..session(mode) };
    let idle = Mode::of('i');
    for (mode, session, replies) in
        [(mode, new, vec![words.clone()]), (idle, session(idle), vec![reply(250), words.clone()])]
    {
        let played = play_sizes(mode, &[(2, 10), (1, 10)], session, &replies);
        assert_eq!(played.results, ["no PIPELINING, 554", "no PIPELINING, 554", "closed before"]);
        assert!(!played.session.in_sync);
    }
    // The content may be accepted for the other recipient, or behind it that of another message.
    let played =
        play_sizes(mode, &[(2, 10)], session(mode), &[reply(250), reply(250), words.clone(), reply(250)]);
    assert_eq!(played.results, ["ok 250", "RCPT TO 554"]);
    let replies = [vec![words, reply(503), reply(503)], vec![reply(250); 4]].concat();
    let played = play_sizes(mode, &[(1, 10), (1, 10)], session(mode), &replies);
    assert_eq!(played.results, ["MAIL FROM 554", "ok 250"]);
    let address = Reply { text: "<pipelining@x.org>: no such user".to_owned(), ..reply(550) };
    let played = play_sizes(mode, &[(2, 10)], session(mode), &[reply(250), reply(250), address, reply(250)]);
    assert_eq!(played.results, ["ok 250", "RCPT TO 550"]);
}

/// What each reply means to one message with two recipients, or to two with one each where the mode is doubled. The mode, the codes
/// (0: the connection closed) | results | what the next message finds: a `clean` session, one `to reset`, or `none`.
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

    one flight
    c 250 250 550 250     | ok 250, RCPT TO 550              | clean
    c 250 550 551 503     | RCPT TO 550, RCPT TO 551         | to reset
    c 250 550 551 250     | RCPT TO 550, RCPT TO 551         | clean
    c 550 503 503 503     | MAIL FROM 550, MAIL FROM 550     | to reset
    c 451 250 503 503     | MAIL FROM 451, MAIL FROM 451     | none
    c 550 250 503 250     | end of data garbage, MAIL FROM 550 | none
    c 550 250 503 0       | end of data closed, MAIL FROM 550  | none
    c 250 250 250 552     | end of data 552, end of data 552 | to reset
    c 250 250 550 354     | end of data 354, RCPT TO 550     | none
    c 0                   | end of data closed, end of data closed | none
    c 250 550 0           | RCPT TO 550, end of data closed  | none
    c 250 250 550 0       | end of data closed, RCPT TO 550  | none
    c 354                 | end of data 354, end of data 354 | none
    c 421                 | MAIL FROM 421, MAIL FROM 421     | none
    c 250 250 421         | RCPT TO 421, RCPT TO 421         | none
    c 250 250 250 421     | end of data 421, end of data 421 | none

    the envelope first
    i 250 550 551         | RCPT TO 550, RCPT TO 551         | to reset
    i 550 503 503         | MAIL FROM 550, MAIL FROM 550     | to reset
    i 0                   | MAIL FROM closed, MAIL FROM closed | none
    i 250 250 0           | RCPT TO closed, RCPT TO closed   | none
    i 250 250 250 0       | end of data closed, end of data closed | none
    w 550                 | MAIL FROM 550, MAIL FROM 550     | to reset
    w 250 550 250 250     | RCPT TO 550, ok 250              | clean

    all or nothing
    C 250 250 550         | withheld, RCPT TO 550            | to reset
    P 250 250 451         | withheld, RCPT TO 451            | to reset
    L 250 250 250 354 250 | ok 250, ok 250                   | clean

    two messages
    cc 250 250 250 250 250 250 554 | ok 250, end of data 554   | to reset
    cc 250 250 554 250 250 250 250 | end of data 554, ok 250   | clean
    cc 250 550 503 250 250 250 250 | RCPT TO 550, ok 250       | clean
    cc 250 250 250 0               | ok 250, end of data closed | none
    cc 250 250 0                   | end of data closed, end of data closed | none
    cc 250 250 421                 | end of data 421, closed before | none
    cc 250 250 250 250 250 421     | ok 250, RCPT TO 421       | none
    cc 250 250 250 502 250 250 250 | ok 250, ok 250            | none
    cc 250 250 250 502 503 250 250 | ok 250, end of data garbage | none
    cc 250 250 250 502 503 503 503 | ok 250, MAIL FROM garbage | none
    pp 250 250 354 554 250 250 250 354 250 | end of data 554, ok 250 | clean
    pp 250 250 354 250 250 550 503 503     | ok 250, MAIL FROM 550   | to reset
    pp 250 550 503 250 250 250 354 250     | RCPT TO 550, ok 250     | clean
    pp 250 250 354 0               | end of data closed, MAIL FROM closed | none
    pp 250 250 354 250 502         | ok 250, MAIL FROM garbage | none
";

#[test]
fn meanings() {
    for row in MEANINGS.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (letters, codes) = cells[0].split_once(' ').unwrap();
        let codes: Vec<u16> = codes.split(' ').map(|code| code.parse().unwrap()).collect();
        let mode = Mode::of(letters.chars().next().unwrap());
        let messages: &[usize] = if letters.len() == 1 { &[2] } else { &[1, 1] };
        let played = play(mode, messages, session(mode), &codes);
        let next = match (played.session.in_sync, played.session.clean) {
            (true, true) => "clean",
            (true, false) => "to reset",
            (false, _) => "none",
        };
        assert_eq!((played.results.join(", ").as_str(), next), (cells[1], cells[2]), "{row}");
    }
}

#[test]
fn nothing_is_written_after_the_lone_dot() {
    let mode = Mode::of('p');
    let played = play(mode, &[1], session(mode), &[250, 550, 354, 554]);
    assert_eq!(played.written, ["MAIL RCPT DATA", "."]);
}

#[test]
fn a_cancelled_message_is_not_written() {
    for (letter, written, in_sync) in [
        ('c', &["RSET MAIL RCPT BDAT content"][..], true),
        ('i', &["RSET MAIL RCPT", "RSET MAIL RCPT BDAT content"], true),
        ('p', &["RSET MAIL RCPT DATA"], false),
    ] {
        let mode = Mode::of(letter);
        let extensions = mode.extensions();
        let envelope = envelope(1);
        let params = check(&envelope, Content::default().info(), &extensions).unwrap();
        let transactions =
            vec![Transaction::new(&envelope, params, false), Transaction::new(&envelope, params, false)];
        let after_refusal = SessionState { clean: false, ..session(mode) };
        let mut pipeline = Pipeline::new(transactions, &extensions, after_refusal);
        let mut found = Vec::new();
        loop {
            match pipeline.step(|message| message == 1) {
                Step::Write(parts) => found.push(verbs(&parts)),
                Step::Read(awaited) if awaited.phase == Phase::Data => pipeline.reply(reply(354)),
                Step::Read(_) => pipeline.reply(reply(250)),
                Step::Upload(..) | Step::Done => break,
            }
        }
        let first = pipeline.take_outcome().unwrap().1;
        assert_eq!(described(&first), ["DATA stopped before the end of the message was sent"]);
        assert_eq!((found.concat(), pipeline.session().in_sync), (written.concat(), in_sync), "{letter}");
    }
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
