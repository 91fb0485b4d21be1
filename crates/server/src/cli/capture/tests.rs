//! The arguments, what is kept, and what is printed.

use std::fs;
use std::sync::Arc;

use chrono::DateTime;
use clap::Parser;
use serde_json::{Value, json};
use smtp_sink::{Action, AfterData, Event, EventKind, Extension, Mail, Tls, Wait};

use super::keep::Folder;
use super::{CaptureArgs, behavior, event_sink};
use crate::clock::Clock;

#[derive(Parser)]
struct TestArgs {
    #[command(flatten)]
    args: CaptureArgs,
}

fn args(line: &[&str]) -> Result<CaptureArgs, clap::Error> {
    TestArgs::try_parse_from([&["capture"], line].concat()).map(|line| line.args)
}

#[test]
fn arguments_become_a_manner() {
    let line = [
        "--tls",
        "starttls",
        "--login",
        "ada:a:b",
        "--without",
        "size",
        "--refuse",
        "bad*",
        "--answer-after",
        "0.5",
        "--at",
        "rcpt:bad@* 2nd reset",
        "--at",
        "quit hangup",
    ];
    let behavior = behavior(&args(&line).unwrap()).unwrap();
    assert_eq!(behavior.tls, Tls::StartTls);
    assert!(behavior.login.is_some_and(|login| login.user == "ada" && login.password == "a:b"));
    assert!(!behavior.extensions.contains(&Extension::Size));
    assert_eq!((behavior.rules.len(), behavior.after_data), (3, AfterData::Accept));
    assert_eq!(behavior.rules[1].action(), &Action::HangUp);
    assert!(matches!(behavior.wait, Wait::For(time) if time.as_millis() == 500));
}

#[test]
fn wrong_arguments_are_refused() {
    let table: [&[&str]; 6] = [
        &["--at", "lunch hangup"],
        &["--without", "FROB"],
        &["--end-reply", "hello"],
        &["--answer-after", "-1"],
        &["--login", "ada"],
        &["--end-reply", "452 full", "--after-dot", "drop-lost"],
    ];
    for line in table {
        let accepted = args(line).is_ok_and(|args| behavior(&args).is_ok());
        assert!(!accepted, "{line:?}");
    }
}

fn clock() -> Clock {
    Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

fn mail(answered: bool) -> Event {
    let mail = Mail {
        connection: 3,
        sender: "a@example.org".to_owned(),
        recipients: vec!["b@example.org".to_owned()],
        bytes: b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nhello\r\n".to_vec(),
        smtputf8: false,
        body_8bit: false,
        defects: Vec::new(),
        answered,
        login: None,
        tls: true,
    };
    Event { connection: 3, kind: EventKind::Mail(Arc::new(mail)) }
}

#[test]
fn mails_are_kept_and_never_overwritten() {
    let temporary = tempfile::tempdir().unwrap();
    for _run in 0..2 {
        let mut folder = Folder::open(temporary.path(), clock()).unwrap();
        for _mail in 0..2 {
            event_sink(&mail(true), &mut folder, true, false, &mut Vec::new()).unwrap();
        }
    }
    let mut names: Vec<_> = fs::read_dir(temporary.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 8, "{names:?}");
    assert_eq!(names[0], "20270115-080000-0001.eml");
    let bytes = fs::read(temporary.path().join(&names[6])).unwrap();
    assert!(bytes.ends_with(b"\r\n\r\nhello\r\n"));
    let envelope: Value =
        serde_json::from_slice(&fs::read(temporary.path().join(&names[7])).unwrap()).unwrap();
    assert_eq!(envelope["recipients"], json!(["b@example.org"]));
}

fn shown(event: &Event, as_json: bool) -> String {
    let temporary = tempfile::tempdir().unwrap();
    let mut folder = Folder::open(temporary.path(), clock()).unwrap();
    let mut out = Vec::new();
    event_sink(event, &mut folder, as_json, false, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn events_are_one_line_of_json() {
    let event = |kind| Event { connection: 1, kind };
    let login = event(EventKind::Login { user: "ada".to_owned(), ok: false });
    let refused = event(EventKind::Refused { recipient: "x@y".to_owned(), code: 550 });
    let table = [
        (event(EventKind::Connected), json!({"event": "connected", "connection": 1})),
        (login, json!({"event": "login", "connection": 1, "username": "ada", "ok": false})),
        (refused, json!({"event": "refused", "connection": 1, "recipient": "x@y", "code": 550})),
    ];
    for (event, expected) in table {
        let line = shown(&event, true);
        assert_eq!(
            (line.matches('\n').count(), serde_json::from_str::<Value>(&line).unwrap()),
            (1, expected)
        );
    }
    assert_eq!(shown(&event(EventKind::Command("NOOP".to_owned())), true), "");
}

#[test]
fn a_mail_is_shown_to_programs_and_to_people() {
    let mut line: Value = serde_json::from_str(&shown(&mail(false), true)).unwrap();
    let file = line["file"].take();
    assert!(file.as_str().is_some_and(|file| file.starts_with('/') && file.ends_with(".eml")));
    let expected = json!({
        "event": "mail", "connection": 3, "file": null, "sender": "a@example.org", "recipients": ["b@example.org"],
        "size": 47, "smtputf8": false, "body_8bit": false, "login": null, "tls": true, "answered": false, "defects": [],
    });
    assert_eq!(line, expected);
    let text = shown(&mail(false), false);
    for words in ["from     a@example.org", "subject  Grüße", "47 bytes, 1 MIME parts", "without a reply"] {
        assert!(text.contains(words), "{words} in {text}");
    }
}
