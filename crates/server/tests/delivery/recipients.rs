//! Many recipients, two servers, limits and refusals.

use smtp_sink::{Behavior, Sink};

use crate::fixture::{Fixture, copies, server, statuses};

/// Of many recipients, each gets exactly one copy or its own refusal, in further transactions or through the next server.
#[tokio::test]
async fn nobody_is_lost_among_many() {
    let behavior = Behavior { max_recipients: 7, ..Behavior::default() }.refuse("r*").defer("l*");
    let (one, two) = (
        Sink::start(behavior).await.unwrap(),
        Sink::start(Behavior::default().refuse("*9@*")).await.unwrap(),
    );
    let fixture = Fixture::new(vec![server("one", one.addr()), server("two", two.addr())]);
    let names: Vec<String> = (0..60).map(|n| format!("{}{n}@x.org", ["a", "r", "l"][n % 3])).collect();
    let to: Vec<&str> = names.iter().map(String::as_str).collect();
    let outcome = fixture.send(&to).await;
    for (recipient, name) in outcome.email.recipients.iter().zip(&to) {
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
