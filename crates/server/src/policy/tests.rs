//! Recipients against lists: a table of tricks, and what must hold for any lists.

use proptest::prelude::*;

use super::{Approval, Decision, Policy, Preset, Quota, Recipient, RecipientPattern};
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
fn the_strictest_rule_decides() {
    struct Case {
        preset: Preset,
        approval: Approval,
        recipient: &'static str,
        is_first_contact: bool,
        expected: (Decision, Option<&'static str>),
    }
    use Approval::{Always, Never, Rules};
    use Decision::{Allow, Ask, Deny};
    use Preset::{Careful, Open, Strict};
    const ALLOWED: Option<&str> = Some("SMTP_ALLOWED_RECIPIENTS");
    let case = |preset, approval, recipient, is_first_contact, expected| Case {
        preset,
        approval,
        recipient,
        is_first_contact,
        expected,
    };
    let table = [
        case(Careful, Rules, "ada@own.example", true, (Allow, ALLOWED)),
        case(Open, Rules, "ada@far.example", true, (Allow, ALLOWED)),
        case(Open, Always, "ada@own.example", false, (Ask, Some("SMTP_APPROVAL"))),
        case(Careful, Never, "ada@own.example", true, (Allow, ALLOWED)),
        case(Strict, Rules, "ada@own.example", false, (Allow, ALLOWED)),
        case(Strict, Rules, "ada@own.example", true, (Ask, Some("SMTP_POLICY"))),
        case(Strict, Rules, "ada@far.example", false, (Ask, Some("SMTP_POLICY"))),
        case(Strict, Always, "ada@own.example", false, (Ask, Some("SMTP_APPROVAL"))),
        case(Strict, Never, "ada@own.example", false, (Allow, ALLOWED)),
        case(Strict, Never, "ada@own.example", true, (Deny, Some("SMTP_APPROVAL"))),
        case(Strict, Never, "ada@far.example", false, (Deny, Some("SMTP_APPROVAL"))),
        case(Open, Always, "Eve@own.example", false, (Deny, Some("SMTP_DENIED_RECIPIENTS"))),
        case(Open, Always, "ada@other.example", false, (Deny, ALLOWED)),
    ];
    for Case { preset, approval, recipient, is_first_contact, expected } in table {
        let policy = Policy {
            allowed: patterns(&["*@own.example", "*@far.example"]),
            denied: patterns(&["eve@own.example"]),
            internal_domains: patterns(&["*@own.example"]),
            preset,
            approval,
            ..Policy::default()
        };
        let verdict = policy.verdict(&address(recipient), is_first_contact);
        assert_eq!(
            (verdict.decision, verdict.rule),
            expected,
            "{preset:?} {approval:?} {recipient}: {verdict:?}"
        );
    }
}

#[test]
fn a_local_part_that_may_name_another_mailbox_must_be_written_out() {
    let policy = |allowed: &[&str], denied: &[&str], preset| Policy {
        allowed: patterns(allowed),
        denied: patterns(denied),
        preset,
        ..Policy::default()
    };
    let none: &[&str] = &[];
    let table = [
        (policy(none, none, Preset::Careful), "eve%evil.example@x.example", true),
        (policy(&["*@x.example"], none, Preset::Open), "eve%evil.example@x.example", false),
        (policy(&["*@x.example"], none, Preset::Open), "evil.example!eve@x.example", false),
        (policy(&["*"], none, Preset::Open), "eve%evil.example@x.example", false),
        (policy(&["*.x.example"], none, Preset::Open), "eve%evil.example@y.x.example", false),
        (policy(&["*", "a%b@x.example"], none, Preset::Open), "a%b@x.example", true),
        (policy(none, &["*@evil.example"], Preset::Open), "eve%evil.example@x.example", false),
        (policy(&["a%b@x.example"], &["*@x.example"], Preset::Open), "a%b@x.example", false),
    ];
    for (policy, recipient, is_allowed) in table {
        let verdict = policy.verdict(&address(recipient), false);
        assert_eq!(verdict.decision == Decision::Allow, is_allowed, "{recipient}: {verdict:?}");
    }
}

#[test]
fn a_reason_names_only_so_many_recipients() {
    let policy = Policy { approval: Approval::Always, ..Policy::default() };
    let judged = |count: usize| {
        policy.judge((0..count).map(|number| (address(&format!("a{number}@x.example")), false)))
    };
    let [few] = judged(2).reasons(Decision::Ask).try_into().unwrap();
    assert_eq!(
        few,
        "a0@x.example, a1@x.example may be written to only with approval: SMTP_APPROVAL is always"
    );
    let [many] = judged(1000).reasons(Decision::Ask).try_into().unwrap();
    assert!(many.contains("a49@x.example and 950 more may be written to only"), "{many}");
}

#[test]
fn without_lists_everybody_may_be_written_to_unless_it_is_strict() {
    let anyone = address("ada@example.net");
    assert_eq!(Policy::default().verdict(&anyone, true).decision, Decision::Allow);
    let strict = Policy { preset: Preset::Strict, ..Policy::default() };
    assert_eq!(strict.verdict(&anyone, false).decision, Decision::Deny);
}

#[test]
fn the_preset_has_the_quota_that_is_not_set() {
    let policy = |preset, max_per_hour| Policy { preset, max_per_hour, ..Policy::default() };
    for (policy, expected) in [
        (policy(Preset::Open, None), (0, 0)),
        (policy(Preset::Open, Some(7)), (7, 0)),
        (policy(Preset::Careful, None), (500, 2000)),
        (policy(Preset::Careful, Some(0)), (0, 2000)),
        (policy(Preset::Strict, Some(1000)), (1000, 2000)),
    ] {
        let Quota { per_hour, per_day } = policy.quota();
        assert_eq!((per_hour, per_day), expected, "{policy:?}");
    }
}

fn a_list() -> impl Strategy<Value = Vec<RecipientPattern>> {
    let pattern = "([ab]|\\*)@[xy]\\.example|\\*\\.[xy]\\.example|\\*";
    prop::collection::vec(pattern.prop_map(|text| RecipientPattern::parse(&text).unwrap()), 0..4)
}

prop_compose! {
    fn a_policy()(
        allowed in a_list(), denied in a_list(), internal_domains in a_list(), preset in 0..3usize, approval in 0..3usize,
    ) -> Policy {
        let preset = [Preset::Open, Preset::Careful, Preset::Strict][preset];
        let approval = [Approval::Rules, Approval::Always, Approval::Never][approval];
        Policy { allowed, denied, internal_domains, preset, approval, ..Policy::default() }
    }
}

/// As it is asked for a message: of all its recipients the strictest decision.
fn of_all(policy: &Policy, recipients: &[(Address, bool)]) -> Decision {
    let each = recipients.iter().map(|(address, is_first)| policy.verdict(address, *is_first).decision);
    each.max().unwrap_or(Decision::Allow)
}

proptest! {
    #[test]
    fn more_rules_and_more_recipients_never_permit_more_and_order_makes_no_difference(
        policy in a_policy(),
        further in a_list(),
        recipients in prop::collection::vec(("[abAB](%b)?@(s\\.)?[xy]\\.example", any::<bool>()), 1..5),
    ) {
        let recipients: Vec<_> = recipients.into_iter().map(|(text, is_first)| (address(&text), is_first)).collect();
        let before = of_all(&policy, &recipients);
        let denying_more = Policy { denied: [policy.denied.clone(), further].concat(), ..policy.clone() };
        prop_assert!(of_all(&denying_more, &recipients) >= before);
        prop_assert!(of_all(&policy, &recipients[1..]) <= before);
        let always = Policy { approval: Approval::Always, ..policy.clone() };
        let rules = Policy { approval: Approval::Rules, ..policy.clone() };
        prop_assert!(of_all(&always, &recipients) >= of_all(&rules, &recipients));
        let mut reversed = policy.clone();
        for list in [&mut reversed.allowed, &mut reversed.denied, &mut reversed.internal_domains] {
            list.reverse();
        }
        let backwards: Vec<_> = recipients.iter().rev().cloned().collect();
        prop_assert_eq!(of_all(&reversed, &backwards), before);
    }
}
