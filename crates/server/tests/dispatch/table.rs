//! The table of failures, one server and two: copies on each, statuses, messages, health. The second server works.

use std::net::{Ipv4Addr, SocketAddr};

use smtp_mcp_server::config::{Encryption, ServerConfig};
use smtp_mcp_server::dispatch::report::Availability;
use smtp_sink::{Action, AfterData, Behavior, Extension, Rule, Sink, Stage};

use crate::fixture::{Fixture, copies, messages, server, statuses, with_login};

use Availability::{Available, BackOff, Paused};

/// What the first server does, and what follows: statuses alone and with the second server, copies on the first, copies on the
/// second, a part of the message alone, the first server's availability.
struct Row(Behavior, &'static str, &'static str, &'static str, &'static str, &'static str, Availability);

const TO: [&str; 2] = ["a@x.org", "b@x.org"];

async fn check(row: Row, to: &[&str], adjust: fn(ServerConfig) -> ServerConfig) {
    let Row(behavior, alone, both, first, second, words, condition) = row;
    let what = format!("{:?} {:?}", behavior.rules, behavior.after_data);
    for two in [false, true] {
        let (one, other) = (start(behavior.clone()).await, start(Behavior::default()).await);
        let mut servers = vec![adjust(server("one", one.addr()))];
        if two {
            servers.push(server("two", other.addr()));
        }
        let fixture = Fixture::new(servers);
        let outcome = fixture.send(to).await;
        let messages = messages(&outcome);
        assert_eq!(statuses(&outcome), if two { both } else { alone }, "{what}: {messages}");
        assert_eq!(copies(&one), first, "{what}, the first server");
        assert_eq!(copies(&other), if two { second } else { "" }, "{what}, the second server");
        assert_eq!(fixture.availability("one"), condition, "{what}");
        assert!(two || messages.contains(words), "{what}: {messages}");
        for mail in one.mails().iter().chain(&other.mails()) {
            assert_eq!(mail.defects, [""; 0], "{what}");
        }
    }
}

async fn start(behavior: Behavior) -> Sink {
    Sink::start(behavior).await.unwrap()
}

fn says(stage: Stage, reply: &str) -> Behavior {
    Behavior::default().reply(stage, reply)
}

fn hangs_up(stage: Stage) -> Behavior {
    Behavior::default().rule(stage, Action::HangUp)
}

fn hangs_up_at_b() -> Behavior {
    Behavior::default().with_rule(Rule::new(Stage::Rcpt, Action::HangUp).matching("b@*"))
}

fn ends(after_data: AfterData) -> Behavior {
    Behavior::default().after_data(after_data)
}

fn ends_with(reply: &str) -> Behavior {
    ends(AfterData::Reply(reply.to_owned()))
}

#[tokio::test]
async fn before_the_envelope() {
    for row in [
        Row(says(Stage::Greeting, "554 go away"), "DD", "AA", "", "a b", "554 go away", BackOff),
        Row(says(Stage::Greeting, "421 busy"), "DD", "AA", "", "a b", "421 busy", BackOff),
        Row(hangs_up(Stage::Greeting), "DD", "AA", "", "a b", "greeting: the server closed", BackOff),
        Row(
            says(Stage::Ehlo, "502 no").reply(Stage::Helo, "502 never"),
            "DD",
            "AA",
            "",
            "a b",
            "502 never",
            BackOff,
        ),
        Row(says(Stage::Ehlo, "502 no"), "AA", "AA", "a b", "", "", Available),
        Row(says(Stage::Ehlo, "421 4.3.2 not now"), "DD", "AA", "", "a b", "EHLO", BackOff),
    ] {
        check(row, &TO, |server| server).await;
    }
}

#[tokio::test]
async fn nobody_there() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at: SocketAddr = listener.local_addr().unwrap();
    drop(listener);
    let good = start(Behavior::default()).await;
    let fixture = Fixture::new(vec![server("one", at), server("two", good.addr())]);
    assert_eq!(statuses(&fixture.send(&TO).await), "AA");
    assert_eq!((fixture.availability("one"), fixture.availability("two")), (BackOff, Available));
    assert_eq!(statuses(&fixture.send(&["c@x.org"]).await), "A");
    assert_eq!(copies(&good), "a b c");
}

#[tokio::test]
async fn protection() {
    let starttls = |server| ServerConfig { encryption: Encryption::StartTls, ..server };
    let implicit = |server| ServerConfig { encryption: Encryption::Implicit, ..server };
    let missing =
        Row(Behavior::default(), "DD", "AA", "", "a b", "the server does not offer STARTTLS", BackOff);
    check(missing, &TO, starttls).await;
    let refused = Behavior::default().starttls().reply(Stage::StartTls, "454 4.7.0 no TLS now");
    check(Row(refused, "DD", "AA", "", "a b", "454 4.7.0", BackOff), &TO, starttls).await;
    let untrusted =
        Row(Behavior::default().starttls(), "DD", "AA", "", "a b", "comes from an unknown issuer", BackOff);
    check(untrusted, &TO, starttls).await;
    let plain = Row(
        Behavior { idle: std::time::Duration::from_millis(100), ..Behavior::default() },
        "DD",
        "AA",
        "",
        "a b",
        "TLS",
        BackOff,
    );
    check(plain, &TO, implicit).await;
}

#[tokio::test]
async fn logins() {
    let account = || Behavior::default().login("ada", "pw-0");
    for row in [
        Row(account(), "AA", "AA", "a b", "", "", Available),
        Row(
            account().reply(Stage::Login, "535 5.7.8 wrong ada"),
            "DD",
            "AA",
            "",
            "a b",
            "535 5.7.8 wrong [hidden]",
            Paused,
        ),
        Row(account().reply(Stage::Login, "534 5.7.9 too weak"), "DD", "AA", "", "a b", "534", Paused),
        Row(account().reply(Stage::Login, "454 4.7.0 later"), "DD", "AA", "", "a b", "454", BackOff),
        Row(account().rule(Stage::Login, Action::HangUp), "DD", "AA", "", "a b", "closed", BackOff),
        Row(Behavior::default(), "DD", "AA", "", "a b", "offers no supported login mechanism", BackOff),
    ] {
        check(row, &TO, with_login).await;
    }
    let wanted = Row(account(), "DD", "AA", "", "a b", "The server wants a login", Paused);
    check(wanted, &TO, |server| server).await;
}

#[tokio::test]
async fn the_sender_and_the_message() {
    let sender = |reply| says(Stage::Mail, reply);
    let tiny = Behavior { max_size: 10, ..Behavior::default() };
    for row in [
        Row(tiny, "RR", "AA", "", "a b", "the server takes 10", Available),
        Row(sender("550 5.7.1 not you"), "RR", "RR", "", "", "550 5.7.1 not you", Available),
        Row(sender("451 4.7.1 grey"), "DD", "AA", "", "a b", "451 4.7.1 grey", Available),
        Row(sender("421 4.3.2 bye"), "DD", "AA", "", "a b", "421", BackOff),
        Row(hangs_up(Stage::Mail), "DD", "AA", "", "a b", "closed", BackOff),
    ] {
        check(row, &TO, |server| server).await;
    }
    let ascii = Behavior::default().without(Extension::SmtpUtf8);
    let row = Row(ascii, "RR", "AA", "", "a ü", "SMTPUTF8", Available);
    check(row, &["a@x.org", "ü@x.org"], |server| server).await;
}

#[tokio::test]
async fn recipients() {
    for row in [
        Row(Behavior::default(), "AA", "AA", "a b", "", "", Available),
        Row(Behavior::default().refuse("b@*"), "AR", "AR", "a", "", "no such mailbox", Available),
        Row(Behavior::default().refuse("*"), "RR", "RR", "", "", "no such mailbox", Available),
        Row(Behavior::default().defer("b@*"), "AD", "AA", "a", "b", "451 4.2.1", Available),
        Row(Behavior::default().defer("*"), "DD", "AA", "", "a b", "451 4.2.1", Available),
        Row(Behavior::default().defer("a@*").refuse("b@*"), "DR", "AR", "", "a", "451 4.2.1", Available),
        Row(Behavior { max_recipients: 1, ..Behavior::default() }, "AA", "AA", "a b", "", "", Available),
        Row(Behavior::default().disconnect("b@*"), "DD", "AA", "", "a b", "421", BackOff),
        Row(Behavior::default().refuse("a@*").disconnect("b@*"), "RD", "RA", "", "b", "421", BackOff),
        Row(hangs_up_at_b(), "DD", "AA", "", "a b", "closed", BackOff),
    ] {
        let bare = row.0.clone().without(Extension::Pipelining);
        let again = Row(bare, row.1, row.2, row.3, row.4, row.5, row.6);
        check(row, &TO, |server| server).await;
        check(again, &TO, |server| server).await;
    }
}

#[tokio::test]
async fn content_and_end() {
    for row in [
        Row(says(Stage::Data, "554 5.7.1 no"), "RR", "RR", "", "", "554", Available),
        Row(says(Stage::Data, "451 4.3.0 later"), "DD", "AA", "", "a b", "451", Available),
        Row(hangs_up(Stage::Data), "DD", "AA", "", "a b", "closed", BackOff),
        Row(ends_with("554 5.7.1 spam"), "RR", "RR", "", "", "554 5.7.1 spam", Available),
        Row(ends_with("451 4.3.0 later"), "DD", "AA", "", "a b", "451 4.3.0 later", Available),
        Row(ends_with("421 4.3.2 bye"), "DD", "AA", "", "a b", "421", BackOff),
        Row(ends_with("354 what"), "UU", "UU", "a b", "", "354", BackOff),
        Row(ends(AfterData::DropKept), "UU", "UU", "a b", "", "may have been delivered", BackOff),
        Row(ends(AfterData::DropLost), "UU", "UU", "", "", "may have been delivered", BackOff),
        Row(ends(AfterData::DropKept).refuse("a@*"), "RU", "RU", "b", "", "may have been delivered", BackOff),
        Row(ends(AfterData::DropKept).defer("a@*"), "DU", "AU", "b", "a", "may have been", BackOff),
    ] {
        check(row, &TO, |server| server).await;
    }
}

/// Of many recipients, each gets exactly one copy or its own refusal, in further transactions or through the next server.
#[tokio::test]
async fn nobody_is_lost_among_many() {
    let behavior = Behavior { max_recipients: 7, ..Behavior::default() }.refuse("r*").defer("l*");
    let (one, two) = (start(behavior).await, start(Behavior::default().refuse("*9@*")).await);
    let fixture = Fixture::new(vec![server("one", one.addr()), server("two", two.addr())]);
    let names: Vec<String> = (0..60).map(|n| format!("{}{n}@x.org", ["a", "r", "l"][n % 3])).collect();
    let to: Vec<&str> = names.iter().map(String::as_str).collect();
    let outcome = fixture.send(&to).await;
    for (recipient, name) in outcome.recipients.iter().zip(&to) {
        assert_eq!(recipient.address.to_string(), *name);
    }
    let refused = |name: &str| name.starts_with('r') || (name.starts_with('l') && name.contains("9@"));
    let wanted: String = to.iter().map(|name| if refused(name) { 'R' } else { 'A' }).collect();
    assert_eq!(statuses(&outcome), wanted);
    let local = |name: &&str| name.split('@').next().unwrap().to_owned();
    let mut wanted: [Vec<String>; 2] = [
        to.iter().filter(|name| name.starts_with('a')).map(local).collect(),
        to.iter().filter(|name| name.starts_with('l') && !refused(name)).map(local).collect(),
    ];
    wanted.iter_mut().for_each(|names| names.sort());
    assert_eq!([copies(&one), copies(&two)], wanted.map(|names| names.join(" ")));
}
