//! Valid addresses, rejected addresses, and properties of all addresses.

use proptest::prelude::*;

use super::{Address, Mailbox, parse_list, without_addresses};

/// Input, name, wire form.
const GOOD: &[(&str, Option<&str>, &str)] = &[
    ("ada@example.org", None, "ada@example.org"),
    ("Ada <ada@example.org>", Some("Ada"), "ada@example.org"),
    ("  Ada   Lovelace  <ada@example.org> ", Some("Ada Lovelace"), "ada@example.org"),
    ("<ada@example.org>", None, "ada@example.org"),
    ("\"Lovelace, Ada\" <ada@example.org>", Some("Lovelace, Ada"), "ada@example.org"),
    ("\"Ada \\\"E\\\" \\\\ K\" <ada@example.org>", Some("Ada \"E\" \\ K"), "ada@example.org"),
    ("\"Sales (EU)\" <a@x.org>", Some("Sales (EU)"), "a@x.org"),
    ("\"\" <a@x.org>", None, "a@x.org"),
    ("J. R. R. Tolkien <j@x.org>", Some("J. R. R. Tolkien"), "j@x.org"),
    ("Jürgen Müller <j@x.org>", Some("Jürgen Müller"), "j@x.org"),
    ("山田\u{3000}太郎 <t@x.jp>", Some("山田\u{3000}太郎"), "t@x.jp"),
    ("محمد علي <m@x.eg>", Some("محمد علي"), "m@x.eg"),
    ("👩\u{200D}👩\u{200D}👧 <f@x.org>", Some("👩\u{200D}👩\u{200D}👧"), "f@x.org"),
    ("می\u{200C}خواهم <f@x.ir>", Some("می\u{200C}خواهم"), "f@x.ir"),
    ("ada@example.org <ada@EXAMPLE.org>", None, "ada@example.org"),
    ("\"ada@example.org\" <ada@EXAMPLE.org>", Some("ada@example.org"), "ada@example.org"),
    ("Ada@EXAMPLE.Org", None, "Ada@example.org"),
    ("joerg@bücher.example", None, "joerg@xn--bcher-kva.example"),
    ("joerg@BÜCHER.example", None, "joerg@xn--bcher-kva.example"),
    ("joerg@bu\u{308}cher.example", None, "joerg@xn--bcher-kva.example"),
    ("a@straße.de", None, "a@xn--strae-oqa.de"),
    ("a@例え.テスト", None, "a@xn--r8jz45g.xn--zckzah"),
    ("संपर्क@डाटामेल.भारत", None, "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c"),
    ("用户@例子.广告", None, "用户@xn--fsqu00a.xn--4rr70v"),
    ("👍@x.org", None, "👍@x.org"),
    ("❤\u{FE0F}@x.org", None, "❤\u{FE0F}@x.org"),
    ("\"john doe\"@x.org", None, "\"john doe\"@x.org"),
    ("!#$%&'*+-/=^_`{|}~@x.org", None, "!#$%&'*+-/=^_`{|}~@x.org"),
    ("a+tag.b@sub.x-y.org", None, "a+tag.b@sub.x-y.org"),
    ("user@localhost", None, "user@localhost"),
    ("a@[192.0.2.1]", None, "a@[192.0.2.1]"),
    ("a@[IPv6:2001:DB8::1]", None, "a@[IPv6:2001:db8::1]"),
    ("a@[ipv6:::1]", None, "a@[IPv6:::1]"),
    ("a@1.org", None, "a@1.org"),
    ("a@xn--bcher-kva.example", None, "a@xn--bcher-kva.example"),
    ("a@col\u{B7}legi.cat", None, "a@xn--collegi-xma.cat"),
    ("a@ア\u{30FB}イ.jp", None, "a@xn--ccke4x.jp"),
    (
        "\u{0928}\u{092E}\u{0938}\u{094D}\u{0924}\u{0947}@x.org",
        None,
        "\u{0928}\u{092E}\u{0938}\u{094D}\u{0924}\u{0947}@x.org",
    ),
    ("மின்னஞ்சல்@x.org", None, "மின்னஞ்சல்@x.org"),
    ("josé.garcía@x.org", None, "josé.garcía@x.org"),
    ("jose\u{301}@x.org", None, "jose\u{301}@x.org"),
    ("צה\u{5F4}ל@x.org", None, "צה\u{5F4}ל@x.org"),
    ("ジョン\u{30FB}スミス@x.org", None, "ジョン\u{30FB}スミス@x.org"),
    ("o\u{02BC}neil@x.org", None, "o\u{02BC}neil@x.org"),
    ("o'neil@x.org", None, "o'neil@x.org"),
    ("\u{201C}Ada\u{201D} \u{2013} Sales <a@x.org>", Some("\u{201C}Ada\u{201D} \u{2013} Sales"), "a@x.org"),
    ("\"Dr. Smith: Chief\" <d@x.org>", Some("Dr. Smith: Chief"), "d@x.org"),
];

/// Input, and a part of the reason.
const BAD: &[(&str, &str)] = &[
    ("", "empty"),
    ("   ", "empty"),
    ("ada", "no @"),
    ("ada@", "no domain"),
    ("@example.org", "nothing before"),
    ("<>", "no @"),
    ("a@b@c.org", "more than one @"),
    ("a@x.org,b@y.org", "second address"),
    ("a@x.org, b@y.org", "second address"),
    ("<a@x.org> <b@y.org>", "second address"),
    ("a@x.org <b@y.org>", "second address"),
    ("\"a@x.org\" <b@y.org>", "second address"),
    ("\"Ada a@x.org\" <b@y.org>", "second address"),
    // some relays deliver these to the address in the quotes
    ("\"a@b.org\"@x.org", "second address"),
    ("\"a@b.org x\"@x.org", "second address"),
    ("\"a,b\"@x.org", "second address"),
    ("\"<a>\"@x.org", "second address"),
    ("\"a;b\"@x.org", "second address"),
    ("a＠x.org <b@y.org>", "second address"),
    ("a@x.org <<a@x.org>>", "second address"),
    ("a@x.org <a@x.org> <a@x.org>", "second address"),
    ("a@x.org b@y.org", "@"),
    ("a@x.org;b@y.org", "separated by commas, not by semicolons"),
    ("a@x.org;", "separated by commas, not by semicolons"),
    ("Ada <a@x.org>; Bob <b@x.org>", "separated by commas, not by semicolons"),
    ("mailto:a@x.org", "leave out mailto:"),
    ("MAILTO:a@x.org", "leave out mailto:"),
    ("mailto:a@x.org?subject=Hi", "leave out mailto:"),
    ("<mailto:a@x.org>", "leave out mailto:"),
    ("Ada <mailto:a@x.org>", "leave out mailto:"),
    ("Dr. Smith: Chief <d@x.org>", "put the name in double quotes"),
    ("Re: order 5 <d@x.org>", "put the name in double quotes"),
    ("Team 10:30 <d@x.org>", "put the name in double quotes"),
    ("To: a@x.org", "leave out what stands before the address"),
    ("E-Mail:a@x.org", "leave out what stands before the address"),
    ("Team: a@x.org, b@y.org;", "groups"),
    ("Team:;", "groups"),
    ("undisclosed-recipients:;", "groups"),
    ("Ada (comment) <a@x.org>", "comment"),
    ("a(comment)@x.org", "comment"),
    ("a@x.org (Ada)", "comment"),
    ("<@r.org:a@x.org>", "route"),
    ("<a@x.org", "bracket"),
    ("a@x.org>", "bracket"),
    ("Ada <a@x.org> extra", "after the address"),
    ("Ada <<a@x.org>>", "second address"),
    ("\"Ada <a@x.org>", "quote"),
    ("Ada\" <a@x.org>", "quote"),
    ("a b@x.org", "not an address"),
    ("a. b@x.org", "not an address"),
    (".a@x.org", "not an address"),
    ("a.@x.org", "dots"),
    ("a..b@x.org", "dots"),
    ("a@x..org", "dots"),
    ("a@.x.org", "dots"),
    ("a@x.org.", "dots"),
    ("a@x_y.org", "host name"),
    ("a@-x.org", "host name"),
    ("a@x-.org", "host name"),
    ("a@x.org:25", "address"),
    ("a@192.0.2.1", "ends in a number"),
    ("a@[192.0.2.256]", "literal"),
    ("a@[2001:db8::1]", "literal"),
    ("a@[IPv6:zz]", "literal"),
    ("a@[]", "literal"),
    ("a@[192.0.2.1", "not an address"),
    ("Ada\r\nBcc: z@z.org <a@x.org>", "U+000D"),
    ("a@x.org\r\nBcc: z@z.org", "U+000D"),
    ("a@x.org\n", "U+000A"),
    ("\"Ada\r\n x\" <a@x.org>", "U+000D"),
    ("a\0@x.org", "U+0000"),
    ("Ada\t<a@x.org>", "U+0009"),
    ("a@x.org\u{85}", "U+0085"),
    ("a\u{2028}b <a@x.org>", "U+2028"),
    ("=?utf-8?q?Ada?= <a@x.org>", "encoded word"),
    ("\"=?utf-8?q?Ada?=\" <a@x.org>", "encoded word"),
    ("\"=\\?utf-8?q?Ada?=\" <a@x.org>", "encoded word"),
    ("=?utf-8?q?a?=@x.org", "encoded word"),
    ("a@=?utf-8?q?x?=.org", "encoded word"),
    ("a\u{200B}@x.org", "U+200B"),
    ("a@x\u{200B}.org", "U+200B"),
    ("A\u{200B}da <a@x.org>", "U+200B"),
    ("A\u{202E}da <a@x.org>", "U+202E"),
    ("A\u{200D}da <a@x.org>", "U+200D"),
    ("\u{FEFF}a@x.org", "U+FEFF"),
    ("a\u{AD}b@x.org", "U+00AD"),
    ("a@x\u{AD}y.org", "U+00AD"),
    ("a\u{E000}@x.org", "U+E000"),
    ("a\u{378}@x.org", "U+0378"),
    ("a\u{FDD0}@x.org", "U+FDD0"),
    ("a\u{3164}@x.org", "U+3164"),
    ("a\u{A0}b@x.org", "U+00A0"),
    ("a\u{3000}@x.org", "U+3000"),
    ("a\u{FE0F}@x.org", "U+FE0F"),
    ("a＠b@x.org", "U+FF20"),
    ("a，b@x.org", "U+FF0C"),
    ("a@x．org", "U+FF0E"),
    ("a@x。org", "U+3002"),
    ("a@ｅxample.org", "stand for others"),
    ("a@ﬁ.org", "stand for others"),
    ("a@\u{212A}.org", "stand for others"),
    ("a@x\u{FE0F}y.org", "U+FE0F"),
    ("a@xn--a.org", "host name"),
    // copied along with an address
    ("a@x.org\u{201D}", "the domain has a typographic quotation mark (U+201D)"),
    ("\u{201C}a@x.org", "the part before the @ has a typographic quotation mark (U+201C)"),
    ("\u{201E}a@x.org", "quotation mark (U+201E)"),
    ("\u{AB}a@x.org\u{BB}", "quotation mark (U+00AB)"),
    ("o\u{2019}neil@x.org", "quotation mark (U+2019)"),
    ("a@x.org\u{2019}s", "quotation mark (U+2019)"),
    ("a\u{2032}@x.org", "quotation mark (U+2032)"),
    ("a\u{2013}b@x.org", "dash (U+2013)"),
    ("a@x\u{2011}y.org", "dash (U+2011)"),
    ("\u{2014}a@x.org", "dash (U+2014)"),
    ("a\u{2212}b@x.org", "dash (U+2212)"),
    ("a@x.org\u{3001}", "CJK punctuation (U+3001)"),
    ("\u{300C}a@x.org\u{300D}", "CJK punctuation (U+300C)"),
    ("\u{3010}a@x.org", "CJK punctuation (U+3010)"),
    ("\u{FF08}a@x.org\u{FF09}", "CJK punctuation (U+FF08)"),
    ("a@x.org\u{FF01}", "CJK punctuation (U+FF01)"),
    ("a@x.org\u{2026}", "an ellipsis (U+2026)"),
    ("a\u{22EF}@x.org", "an ellipsis (U+22EF)"),
    ("a\u{2044}b@x.org", "a slash that is not / (U+2044)"),
    ("a@x.org\u{2215}", "a slash that is not / (U+2215)"),
    ("a@x.org\u{2022}", "punctuation (U+2022)"),
    ("\u{27E8}a@x.org", "a bracket that is not ASCII (U+27E8)"),
    // beyond IDNA 2008
    ("a@\u{2764}.org", "no host name may have (U+2764)"),
    ("a@xn--qei.org", "no host name may have (U+2764)"),
    ("a@\u{1F600}.org", "no host name may have (U+1F600)"),
    ("a@x\u{B0}.org", "no host name may have (U+00B0)"),
    ("a@\u{20AC}uro.org", "no host name may have (U+20AC)"),
    ("a@a\u{B7}b.org", "no host name may have (U+00B7)"),
    ("a@a\u{30FB}b.org", "no host name may have (U+30FB)"),
    ("a@\u{640}\u{628}.org", "no host name may have (U+0640)"),
    ("a@\u{0661}\u{06F1}\u{628}.org", "host name"),
];

#[test]
fn good_addresses_are_taken() {
    for &(given, name, wire) in GOOD {
        let mailbox = Mailbox::parse(given).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(mailbox.name.as_deref(), name, "{given}");
        assert_eq!(mailbox.address.to_string(), wire, "{given}");
        assert_eq!(mailbox.address.needs_smtputf8(), !wire.is_ascii(), "{given}");
    }
}

#[test]
fn bad_addresses_are_refused_with_a_reason() {
    for (given, word) in BAD {
        match Mailbox::parse(given) {
            Ok(mailbox) => panic!("taken: {given:?} as {mailbox:?}"),
            Err(error) => assert!(error.reason.contains(word), "{given:?}: {}", error.reason),
        }
    }
}

#[test]
fn lengths_are_those_of_the_wire() {
    let local = "l".repeat(64);
    let label = "d".repeat(63);
    let longest = format!("{local}@{label}.{label}.{}", "d".repeat(61));
    assert_eq!(longest.len(), 254);
    Mailbox::parse(&longest).unwrap();
    let too_long = [
        format!("l{local}@x.org"),
        format!("a@{label}d.org"),
        format!("{local}@{label}.{label}.{}", "d".repeat(62)),
        format!("{}@x.org", "ü".repeat(33)),
        format!("a@{}.org", "ü".repeat(63)),
    ];
    for given in too_long {
        assert!(Mailbox::parse(&given).is_err(), "{given}");
    }
}

#[test]
fn equal_is_who_gets_the_same_copy() {
    let parse = |text| Address::parse(text).unwrap();
    assert_eq!(parse("ada@BÜCHER.example"), parse("ada@xn--bcher-kva.EXAMPLE"));
    assert_ne!(parse("Ada@x.org"), parse("ada@x.org"));
    assert!(Address::parse("Ada <ada@x.org>").is_err());
    assert!(Address::parse("<ada@x.org>").is_err());
}

#[test]
fn lists_are_split_at_the_right_commas() {
    let wire = |text: &str| {
        parse_list(text).map(|all| all.iter().map(|one| one.address.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(wire("a@x.org, \"B, C\" <b@x.org>,c@x.org").unwrap(), ["a@x.org", "b@x.org", "c@x.org"]);
    assert_eq!(wire("").unwrap(), Vec::<String>::new());
    assert_eq!(wire("a@x.org, , b").unwrap_err().len(), 2);
    for text in ["a@x.org,", ",a@x.org", "a@x.org,,b@x.org", "a@x.org, ,b@x.org"] {
        assert!(wire(text).unwrap_err()[0].to_string().contains("an empty entry"), "{text}");
    }
    assert_eq!(wire("\"A\\\", <b@x.org>, c@x.org").unwrap_err().len(), 1);
    assert_eq!(wire("a@x.org; b@x.org").unwrap_err().len(), 1);
}

proptest! {
    /// A valid address has one @, nothing that ends a command or a field, and parses to itself.
    #[test]
    fn what_is_taken_can_be_read_in_one_way_only(text in "[a-zA-Zü.@<>\"\\\\, ;:()\r\n\t\0=?\u{200B}\u{202E}\\[\\]-]{0,40}") {
        if let Ok(mailbox) = Mailbox::parse(&text) {
            let wire = mailbox.address.to_string();
            prop_assert!(!wire.contains(|c: char| c.is_control()) && !wire.contains("=?"));
            prop_assert_eq!(wire.matches('@').count(), 1);
            prop_assert!(mailbox.name.iter().all(|name| !name.contains(|c: char| c.is_control()) && !name.contains("=?")));
            prop_assert!(smtp_submission::Path::new(&wire).is_ok(), "{wire:?}");
            prop_assert_eq!(Address::parse(&wire).unwrap(), mailbox.address);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Mailbox::parse(&text);
        let _ = parse_list(&text);
    }
}

#[test]
fn no_whole_address_is_left_of_a_text() {
    let words = "SMTP_ALLOWED_FROM: found \"ada@x.org,bob@y.org\" (why)\nSMTP_PORT: found \"many\"";
    let left = "SMTP_ALLOWED_FROM: found ***@y.org\" (why)\nSMTP_PORT: found \"many\"";
    assert_eq!(without_addresses(words), left);
}
