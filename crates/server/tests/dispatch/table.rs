//! The table of failures, one server and two: copies on each, fates, words, health. The second server is a good one.

use std::net::{Ipv4Addr, SocketAddr};

use smtp_mcp_server::config::{Encryption, ServerConfig};
use smtp_mcp_server::dispatch::report::Condition;
use smtp_sink::{Act, After, At, Extension, Manner, Sink};

use crate::stage::{Stage, copies, fates, server, told, with_login};

use Condition::{Available, BackOff, Paused};

/// What the first server does, and what follows: fates alone and with the second server, copies on the first, copies on the
/// second, a part of the words alone, the first server's condition.
struct Row(Manner, &'static str, &'static str, &'static str, &'static str, &'static str, Condition);

const TO: [&str; 2] = ["a@x.org", "b@x.org"];

async fn check(row: Row, to: &[&str], adjust: fn(ServerConfig) -> ServerConfig) {
    let Row(manner, alone, both, first, second, words, condition) = row;
    let what = format!("{:?} {:?}", manner.rules, manner.end);
    for two in [false, true] {
        let (one, other) = (start(manner.clone()).await, start(Manner::default()).await);
        let mut servers = vec![adjust(server("one", one.addr()))];
        if two {
            servers.push(server("two", other.addr()));
        }
        let stage = Stage::new(servers);
        let outcome = stage.send(to).await;
        let told = told(&outcome);
        assert_eq!(fates(&outcome), if two { both } else { alone }, "{what}: {told}");
        assert_eq!(copies(&one), first, "{what}, the first server");
        assert_eq!(copies(&other), if two { second } else { "" }, "{what}, the second server");
        assert_eq!(stage.condition("one"), condition, "{what}");
        assert!(two || told.contains(words), "{what}: {told}");
        for mail in one.mails().iter().chain(&other.mails()) {
            assert_eq!(mail.defects, [""; 0], "{what}");
        }
    }
}

async fn start(manner: Manner) -> Sink {
    Sink::start(manner).await.unwrap()
}

fn says(at: At, reply: &str) -> Manner {
    Manner::default().reply(at, reply)
}

fn hangs_up(at: At) -> Manner {
    Manner::default().rule(at, Act::HangUp)
}

fn ends(after: After) -> Manner {
    Manner::default().after_dot(after)
}

fn ends_with(reply: &str) -> Manner {
    ends(After::Reply(reply.to_owned()))
}

#[tokio::test]
async fn before_the_envelope() {
    for row in [
        Row(says(At::Greeting, "554 go away"), "LL", "AA", "", "a b", "554 go away", BackOff),
        Row(says(At::Greeting, "421 busy"), "LL", "AA", "", "a b", "421 busy", BackOff),
        Row(hangs_up(At::Greeting), "LL", "AA", "", "a b", "greeting: the server closed", BackOff),
        Row(
            says(At::Ehlo, "502 no").reply(At::Helo, "502 never"),
            "LL",
            "AA",
            "",
            "a b",
            "502 never",
            BackOff,
        ),
        Row(says(At::Ehlo, "502 no"), "AA", "AA", "a b", "", "", Available),
        Row(says(At::Ehlo, "421 4.3.2 not now"), "LL", "AA", "", "a b", "EHLO", BackOff),
    ] {
        check(row, &TO, |server| server).await;
    }
}

#[tokio::test]
async fn nobody_there() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at: SocketAddr = listener.local_addr().unwrap();
    drop(listener);
    let good = start(Manner::default()).await;
    let stage = Stage::new(vec![server("one", at), server("two", good.addr())]);
    assert_eq!(fates(&stage.send(&TO).await), "AA");
    assert_eq!((stage.condition("one"), stage.condition("two")), (BackOff, Available));
    assert_eq!(fates(&stage.send(&["c@x.org"]).await), "A");
    assert_eq!(copies(&good), "a b c");
}

#[tokio::test]
async fn protection() {
    let starttls = |server| ServerConfig { encryption: Encryption::StartTls, ..server };
    let implicit = |server| ServerConfig { encryption: Encryption::Implicit, ..server };
    let missing =
        Row(Manner::default(), "LL", "AA", "", "a b", "the server does not offer STARTTLS", BackOff);
    check(missing, &TO, starttls).await;
    let refused = Manner::default().starttls().reply(At::StartTls, "454 4.7.0 no TLS now");
    check(Row(refused, "LL", "AA", "", "a b", "454 4.7.0", BackOff), &TO, starttls).await;
    let untrusted =
        Row(Manner::default().starttls(), "LL", "AA", "", "a b", "comes from an unknown issuer", BackOff);
    check(untrusted, &TO, starttls).await;
    let plain = Row(
        Manner { idle: std::time::Duration::from_millis(100), ..Manner::default() },
        "LL",
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
    let account = || Manner::default().login("ada", "pw-0");
    for row in [
        Row(account(), "AA", "AA", "a b", "", "", Available),
        Row(
            account().reply(At::Login, "535 5.7.8 wrong ada"),
            "LL",
            "AA",
            "",
            "a b",
            "535 5.7.8 wrong [hidden]",
            Paused,
        ),
        Row(account().reply(At::Login, "534 5.7.9 too weak"), "LL", "AA", "", "a b", "534", Paused),
        Row(account().reply(At::Login, "454 4.7.0 later"), "LL", "AA", "", "a b", "454", BackOff),
        Row(account().rule(At::Login, Act::HangUp), "LL", "AA", "", "a b", "closed", BackOff),
        Row(Manner::default(), "LL", "AA", "", "a b", "offers no login", BackOff),
    ] {
        check(row, &TO, with_login).await;
    }
    let wanted = Row(account(), "LL", "AA", "", "a b", "The server wants a login", Paused);
    check(wanted, &TO, |server| server).await;
}

#[tokio::test]
async fn the_sender_and_the_message() {
    let sender = |reply| says(At::Sender("*".to_owned()), reply);
    let tiny = Manner { max_size: 10, ..Manner::default() };
    for row in [
        Row(tiny, "RR", "AA", "", "a b", "the server takes 10", Available),
        Row(sender("550 5.7.1 not you"), "RR", "RR", "", "", "550 5.7.1 not you", Available),
        Row(sender("451 4.7.1 grey"), "LL", "AA", "", "a b", "451 4.7.1 grey", Available),
        Row(sender("421 4.3.2 bye"), "LL", "AA", "", "a b", "421", BackOff),
        Row(hangs_up(At::Sender("*".to_owned())), "LL", "AA", "", "a b", "closed", BackOff),
    ] {
        check(row, &TO, |server| server).await;
    }
    let ascii = Manner::default().without(Extension::SmtpUtf8);
    let row = Row(ascii, "RR", "AA", "", "a ü", "SMTPUTF8", Available);
    check(row, &["a@x.org", "ü@x.org"], |server| server).await;
}

#[tokio::test]
async fn recipients() {
    for row in [
        Row(Manner::default(), "AA", "AA", "a b", "", "", Available),
        Row(Manner::default().refuse("b@*"), "AR", "AR", "a", "", "no such mailbox", Available),
        Row(Manner::default().refuse("*"), "RR", "RR", "", "", "no such mailbox", Available),
        Row(Manner::default().defer("b@*"), "AL", "AA", "a", "b", "451 4.2.1", Available),
        Row(Manner::default().defer("*"), "LL", "AA", "", "a b", "451 4.2.1", Available),
        Row(Manner::default().defer("a@*").refuse("b@*"), "LR", "AR", "", "a", "451 4.2.1", Available),
        Row(Manner { max_recipients: 1, ..Manner::default() }, "AA", "AA", "a b", "", "", Available),
        Row(Manner::default().disconnect("b@*"), "LL", "AA", "", "a b", "421", BackOff),
        Row(Manner::default().refuse("a@*").disconnect("b@*"), "RL", "RA", "", "b", "421", BackOff),
        Row(hangs_up(At::Recipient("b@*".to_owned())), "LL", "AA", "", "a b", "closed", BackOff),
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
        Row(says(At::Data, "554 5.7.1 no"), "RR", "RR", "", "", "554", Available),
        Row(says(At::Data, "451 4.3.0 later"), "LL", "AA", "", "a b", "451", Available),
        Row(hangs_up(At::Data), "LL", "AA", "", "a b", "closed", BackOff),
        Row(ends_with("554 5.7.1 spam"), "RR", "RR", "", "", "554 5.7.1 spam", Available),
        Row(ends_with("451 4.3.0 later"), "LL", "AA", "", "a b", "451 4.3.0 later", Available),
        Row(ends_with("421 4.3.2 bye"), "LL", "AA", "", "a b", "421", BackOff),
        Row(ends_with("354 what"), "UU", "UU", "a b", "", "354", BackOff),
        Row(ends(After::DropKept), "UU", "UU", "a b", "", "may have been delivered", BackOff),
        Row(ends(After::DropLost), "UU", "UU", "", "", "may have been delivered", BackOff),
        Row(ends(After::DropKept).refuse("a@*"), "RU", "RU", "b", "", "may have been delivered", BackOff),
        Row(ends(After::DropKept).defer("a@*"), "LU", "AU", "b", "a", "may have been", BackOff),
    ] {
        check(row, &TO, |server| server).await;
    }
}

/// Of many, each gets exactly one copy or its own refusal, whatever is served in further transactions or by the next server.
#[tokio::test]
async fn nobody_is_lost_among_many() {
    let manner = Manner { max_recipients: 7, ..Manner::default() }.refuse("r*").defer("l*");
    let (one, two) = (start(manner).await, start(Manner::default().refuse("*9@*")).await);
    let stage = Stage::new(vec![server("one", one.addr()), server("two", two.addr())]);
    let names: Vec<String> = (0..60).map(|n| format!("{}{n}@x.org", ["a", "r", "l"][n % 3])).collect();
    let to: Vec<&str> = names.iter().map(String::as_str).collect();
    let outcome = stage.send(&to).await;
    for (recipient, name) in outcome.recipients.iter().zip(&to) {
        assert_eq!(recipient.address.to_string(), *name);
    }
    let refused = |name: &str| name.starts_with('r') || (name.starts_with('l') && name.contains("9@"));
    let wanted: String = to.iter().map(|name| if refused(name) { 'R' } else { 'A' }).collect();
    assert_eq!(fates(&outcome), wanted);
    let local = |name: &&str| name.split('@').next().unwrap().to_owned();
    let mut wanted: [Vec<String>; 2] = [
        to.iter().filter(|name| name.starts_with('a')).map(local).collect(),
        to.iter().filter(|name| name.starts_with('l') && !refused(name)).map(local).collect(),
    ];
    wanted.iter_mut().for_each(|names| names.sort());
    assert_eq!([copies(&one), copies(&two)], wanted.map(|names| names.join(" ")));
}
