//! Hints about a mail that is probably not as it was meant. They refuse nothing.

use crate::request::Draft;

/// Tags whose presence in a plain text body means that it is HTML.
const TAGS: [&str; 16] =
    ["p", "br", "div", "b", "strong", "i", "em", "a", "html", "body", "table", "ul", "ol", "li", "h1", "h2"];

/// Large providers whose domains are often misspelt. None has a short name: too many real domains are one letter away from those.
const COMMON: [&str; 8] = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "yahoo.com",
    "icloud.com",
    "protonmail.com",
    "fastmail.com",
];
/// Providers whose domains look like a misspelt one of these.
const OTHERS: [&str; 3] = ["mail.com", "email.com", "ymail.com"];

/// What looks wrong in a draft, one sentence each.
pub(super) fn hints(draft: &Draft) -> Vec<String> {
    let tag = (!draft.html).then(|| first_tag(&draft.body)).flatten();
    let html = tag.map(|tag| {
        format!("the body has HTML tags such as <{tag}>, but html is false: recipients see them as text")
    });
    let is_template = !draft.vars.is_empty();
    let texts = [("subject", &draft.subject), ("body", &draft.body)];
    let placeholder = texts
        .into_iter()
        .filter(|_| !is_template)
        .find_map(|(field, text)| Some((field, first_placeholder(text)?)));
    let placeholder = placeholder.map(|(field, name)| {
        format!("the {field} has {{{name}}}, but template_vars was not given: it is sent as it is written")
    });
    let recipients = [&draft.to, &draft.cc, &draft.bcc].into_iter().flatten();
    let typos = recipients.filter_map(|mailbox| {
        let address = &mailbox.address;
        let meant = likely_domain(address.domain())?;
        Some(format!("{address}: {} looks like a misspelt {meant}", address.domain()))
    });
    html.into_iter().chain(placeholder).chain(typos).collect()
}

/// The name of the first tag that only HTML has.
fn first_tag(body: &str) -> Option<&'static str> {
    body.split('<').skip(1).find_map(|rest| {
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric())?;
        let is_closed = rest[end..].starts_with(['>', ' ', '/', '\n', '\r', '\t']);
        TAGS.into_iter().find(|tag| is_closed && tag.eq_ignore_ascii_case(&rest[..end]))
    })
}

/// The first `{name}`.
fn first_placeholder(text: &str) -> Option<&str> {
    text.split('{').skip(1).find_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        is_name.then_some(name)
    })
}

/// The common domain that this one is one slip of the keyboard away from.
fn likely_domain(domain: &str) -> Option<&'static str> {
    let domain = domain.to_ascii_lowercase();
    if COMMON.contains(&domain.as_str()) || OTHERS.contains(&domain.as_str()) {
        return None;
    }
    COMMON.into_iter().find(|common| strsim::osa_distance(&domain, common) == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_that_look_misspelt() {
        let table = [
            ("gmial.com", Some("gmail.com")),
            ("Gmail.con", Some("gmail.com")),
            ("gmal.com", Some("gmail.com")),
            ("hotmial.com", Some("hotmail.com")),
            ("outlok.com", Some("outlook.com")),
            ("yahooo.com", Some("yahoo.com")),
            ("gmail.com", None),
            ("mail.com", None),
            ("ymail.com", None),
            ("example.org", None),
            ("yahoo.de", None),
        ];
        for (domain, expected) in table {
            assert_eq!(likely_domain(domain), expected, "{domain}");
        }
    }

    #[test]
    fn tags_and_placeholders_in_a_plain_text() {
        for (text, tag, placeholder) in [
            ("<p>Hi</p>", Some("p"), None),
            ("Hi<br/>there", Some("br"), None),
            ("<A href='x'>", Some("a"), None),
            ("a < b and <bob@example.org>, <pre", None, None),
            ("List<String> x", None, None),
            ("Dear {name}, {\"json\": 1}", None, Some("name")),
            ("p { color: red } {1} { x }", None, None),
        ] {
            assert_eq!((first_tag(text), first_placeholder(text)), (tag, placeholder), "{text}");
        }
    }
}
