//! Recipients against lists: a table of tricks, and what must hold for any lists.

use proptest::prelude::*;

use super::{Recipient, RecipientPattern, RecipientRules, Verdict};
use crate::address::Address;

fn patterns(list: &[&str]) -> Vec<RecipientPattern> {
    list.iter().map(|text| RecipientPattern::parse(text).unwrap()).collect()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn each_form_of_a_recipient_is_compared_as_what_it_reaches() {
    // The pattern, recipients that it is about, and recipients that it is not about.
    let table: &[(&str, &[&str], &[&str])] = &[
        (
            "eve@evil.example",
            &[
                "eve@evil.example",
                "EVE@evil.example",
                "eve@EVIL.example",
                "\"eve\"@evil.example",
                "\"e\\ve\"@evil.example",
            ],
            &[
                "eve+1@evil.example",
                "steve@evil.example",
                "eve@sub.evil.example",
                "eve@evil.example.org",
                "e.ve@evil.example",
            ],
        ),
        (
            "*@evil.example",
            &["a@evil.example", "a@EVIL.EXAMPLE", "\"a b\"@evil.example"],
            &["a@sub.evil.example", "a@notevil.example", "evil.example@good.example"],
        ),
        (
            "*.evil.example",
            &["a@x.evil.example", "a@x.y.Evil.Example"],
            &["a@evil.example", "a@notevil.example", "a@x.evil.example.org"],
        ),
        (
            "*@bücher.example",
            &["a@bücher.example", "a@BÜCHER.example", "a@xn--bcher-kva.example"],
            &["a@bucher.example"],
        ),
        ("jürgen@example.org", &["JÜRGEN@example.org", "ju\u{308}rgen@example.org"], &["jurgen@example.org"]),
        ("*@[192.0.2.1]", &["a@[192.0.2.1]"], &["a@[192.0.2.2]"]),
        ("*", &["a@example.org"], &[]),
    ];
    for (pattern, about, not_about) in table {
        let pattern = RecipientPattern::parse(pattern).unwrap();
        for one in *about {
            assert!(pattern.matches(&Recipient::of(&address(one))), "{pattern} is about {one}");
        }
        for one in *not_about {
            assert!(!pattern.matches(&Recipient::of(&address(one))), "{pattern} is not about {one}");
        }
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    for text in [
        "",
        "@example.org",
        "*@",
        "*.",
        "a*@example.org",
        "*@*.example.org",
        "example.org",
        "**",
        "Ada <a@example.org>",
    ] {
        assert!(RecipientPattern::parse(text).is_err(), "{text}");
    }
}

#[test]
fn denied_wins_over_allowed() {
    let rules =
        RecipientRules { allowed: patterns(&["*@example.org"]), denied: patterns(&["eve@example.org"]) };
    assert_eq!(rules.verdict(&address("ada@example.org")), Verdict::Allowed);
    assert!(matches!(rules.verdict(&address("Eve@example.org")), Verdict::Denied(_)));
    assert_eq!(rules.verdict(&address("ada@example.net")), Verdict::NotAllowed);
    assert_eq!(RecipientRules::default().verdict(&address("ada@example.net")), Verdict::Allowed);
}

fn a_list() -> impl Strategy<Value = Vec<RecipientPattern>> {
    let pattern = "([ab]|\\*)@[xy]\\.example|\\*\\.[xy]\\.example|\\*";
    prop::collection::vec(pattern.prop_map(|text| RecipientPattern::parse(&text).unwrap()), 0..4)
}

proptest! {
    #[test]
    fn a_further_deny_rule_never_permits_more_and_the_order_makes_no_difference(
        allowed in a_list(), denied in a_list(), further in a_list(), recipient in "[abAB]@(s\\.)?[xy]\\.example",
    ) {
        let recipient = address(&recipient);
        let is_allowed = |allowed: Vec<_>, denied: Vec<_>| RecipientRules { allowed, denied }.verdict(&recipient) == Verdict::Allowed;
        let before = is_allowed(allowed.clone(), denied.clone());
        prop_assert!(before || !is_allowed(allowed.clone(), [denied.clone(), further].concat()));
        let reversed = |list: &[RecipientPattern]| list.iter().rev().cloned().collect::<Vec<_>>();
        prop_assert_eq!(before, is_allowed(reversed(&allowed), reversed(&denied)));
    }
}
