//! is_email's own test data against our parser: every difference is intended and listed.

use smtp_mcp_server::address::Mailbox;

/// The data, with its licence at its head.
const DATA: &str = include_str!("is_email.txt");

/// What `is_email` considers valid for SMTP: its threshold between warnings and obsolete forms.
const FIT: &[&str] = &[
    "valid",
    "dnsWarnNoMXRecord",
    "dnsWarnNoRecord",
    "rfc5321TLD",
    "rfc5321TLDNumeric",
    "rfc5321QuotedString",
    "rfc5321AddressLiteral",
    "deprecatedIPv6",
];

/// is_email.s diagnosis, the addresses, whether we accept them, and why we differ.
const DIFFERENCES: &[(&str, &[&str], bool, &str)] = &[
    (
        "valid",
        &["!#$%&`*+/=?^`{|}~@iana.org"],
        false,
        "`=?` begins an encoded word, which a reader could decode into another address",
    ),
    (
        "rfc5321TLDNumeric",
        &["test@iana.123", "test@255.255.255.255"],
        false,
        "no such host exists: it is an address literal without its brackets",
    ),
    (
        "cfwsFWS",
        &[" test@iana.org", "test@iana.org "],
        true,
        "spaces around a text are the caller's slip and change nothing",
    ),
    (
        "errExpectingQPair",
        &["\"test\\©\"@iana.org"],
        true,
        "RFC 6531 allows UTF-8 where RFC 5321 asked for ASCII",
    ),
];

#[test]
fn we_differ_from_is_email_where_it_is_listed_and_nowhere_else() {
    let mut unlisted = Vec::new();
    let mut seen = Vec::new();
    for (text, says) in data() {
        let taken = Mailbox::parse(&text).is_ok();
        if taken == FIT.contains(&says.as_str()) {
            continue;
        }
        let listed = DIFFERENCES.iter().any(|(diagnosis, texts, ours, _)| {
            *diagnosis == says && texts.contains(&text.as_str()) && *ours == taken
        });
        if listed { seen.push(text) } else { unlisted.push((text, says, taken)) }
    }
    assert!(unlisted.is_empty(), "text, what is_email says, whether we take it: {unlisted:#?}");
    let agreed: Vec<_> = DIFFERENCES
        .iter()
        .flat_map(|row| row.1)
        .filter(|text| !seen.iter().any(|seen| seen == *text))
        .collect();
    assert!(agreed.is_empty(), "listed, but we do not differ: {agreed:?}");
}

#[test]
fn the_data_is_whole() {
    let fit = data().filter(|(_, says)| FIT.contains(&says.as_str())).count();
    assert_eq!((data().count(), fit), (185, 38));
}

fn data() -> impl Iterator<Item = (String, String)> {
    let lines = DATA.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| serde_json::from_str(line).unwrap())
}
