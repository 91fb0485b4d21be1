//! Message-IDs given by a caller: opaque texts. Missing angle brackets are added.

use super::args::References;
use crate::address::character;

/// The longest id in bytes, with its angle brackets: on a line of its own it must not exceed 998 (RFC 5322, section 2.1.1).
const ID_LIMIT: usize = 997;

/// A Message-ID in angle brackets (RFC 5322, section 3.6.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(String);

impl MessageId {
    /// Takes one Message-ID, with or without its angle brackets.
    ///
    /// What is inside is for the program that made it: many do not follow the grammar, and a reply must name exactly that id.
    ///
    /// # Errors
    /// The text is empty or too long for a header line, or has white space, a control character or an angle bracket inside.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = unescaped(text);
        let text = text.trim();
        let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        let problem = if bare.is_empty() {
            "it is empty"
        } else if bare.contains(char::is_whitespace) {
            "it has white space inside; give one id"
        } else if bare.contains(['<', '>']) {
            "it has an angle bracket inside; give one id"
        } else if character::control_in(bare).is_some() {
            "it has a control character"
        } else if bare.len() + 2 > ID_LIMIT {
            "it is longer than a header line (997 bytes with its angle brackets)"
        } else {
            return Ok(Self(format!("<{bare}>")));
        };
        Err(format!("{} is not a Message-ID: {problem}", character::quoted(text)))
    }

    /// The id, in angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it needs SMTPUTF8 (RFC 6532, section 3.2).
    pub fn needs_smtputf8(&self) -> bool {
        !self.0.is_ascii()
    }
}

/// Takes the ids of a thread: an array, or one string. All errors are returned at once.
pub(super) fn parse_references(given: &References) -> Result<Vec<MessageId>, Vec<String>> {
    let texts: Vec<&str> = match given {
        References::One(text) => vec![text],
        References::Many(texts) => texts.iter().map(String::as_str).collect(),
    };
    let texts: Vec<_> = texts.into_iter().map(unescaped).collect();
    let each = texts.iter().flat_map(|text| split(text)).map(MessageId::parse);
    let (ids, problems): (Vec<_>, Vec<_>) = each.partition(Result::is_ok);
    if problems.is_empty() {
        Ok(ids.into_iter().flatten().collect())
    } else {
        Err(problems.into_iter().filter_map(Result::err).collect())
    }
}

/// The thread of a reply: its parent is the last (RFC 5322, section 3.6.4).
pub(super) fn ending_with(mut thread: Vec<MessageId>, parent: Option<&MessageId>) -> Vec<MessageId> {
    if let Some(parent) = parent {
        thread.retain(|id| id != parent);
        thread.push(parent.clone());
    }
    thread
}

/// Splits at white space, and between `>` and `<`, where a comma may stand, too. An id itself may have commas.
fn split(text: &str) -> Vec<&str> {
    let is_gap = |c: char| c.is_whitespace() || c == ',';
    let mut ids = Vec::new();
    let mut rest = text.trim_matches(is_gap);
    while !rest.is_empty() {
        let end = if rest.starts_with('<') {
            rest.find('>').map_or(rest.len(), |at| at + 1)
        } else {
            rest.find(|c: char| c.is_whitespace() || c == '<').unwrap_or(rest.len())
        };
        let (id, after) = rest.split_at(end);
        ids.push(id.trim_end_matches(','));
        rest = after.trim_start_matches(is_gap);
    }
    ids
}

/// The text, with the angle brackets that a web page made of it undone.
fn unescaped(text: &str) -> String {
    if text.contains("&lt;") || text.contains("&gt;") {
        return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{MessageId, References, ending_with, parse_references};

    fn one(text: &str) -> Result<String, String> {
        MessageId::parse(text).map(|id| id.0)
    }

    fn thread(text: &str) -> Vec<String> {
        let ids = parse_references(&References::One(text.to_owned())).unwrap();
        ids.into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn ids_are_opaque() {
        let longest = format!("<{}>", "x".repeat(995));
        for (given, id) in [
            ("<a@x.example>", "<a@x.example>"),
            ("a@x.example", "<a@x.example>"),
            ("  <a@x.example>\r\n", "<a@x.example>"),
            ("<cCjl1y02r2fuMPN01CjnwL>", "<cCjl1y02r2fuMPN01CjnwL>"),
            ("<a@b@x.example>", "<a@b@x.example>"),
            ("<a@[127.0.0.1]>", "<a@[127.0.0.1]>"),
            ("<a..b@x_y.example>", "<a..b@x_y.example>"),
            ("<\"a,b\"(c);:@x.example>", "<\"a,b\"(c);:@x.example>"),
            ("<=?utf-8?q?a?=@x.example>", "<=?utf-8?q?a?=@x.example>"),
            ("<grüße@x.example>", "<grüße@x.example>"),
            ("&lt;a&amp;b@x.example&gt;", "<a&b@x.example>"),
            (&longest, &longest),
        ] {
            assert_eq!(one(given).as_deref(), Ok(id));
        }
        let too_long = format!("<{}>", "x".repeat(996));
        for (given, words) in [
            ("", "empty"),
            ("<>", "empty"),
            ("<a b@x.example>", "white space inside"),
            ("<a@x.example> <b@x.example>", "white space inside"),
            ("<a@x.example>\r\nBcc: z@z.org", "white space inside"),
            ("<a@x.example><b@x.example>", "angle bracket inside"),
            ("<<a@x.example>>", "angle bracket inside"),
            ("<a@x.example", "angle bracket inside"),
            ("<a\u{0}@x.example>", "control character"),
            (&too_long, "longer than"),
        ] {
            assert!(one(given).unwrap_err().contains(words), "{given}");
        }
    }

    #[test]
    fn a_thread_is_split_between_its_ids() {
        for (given, ids) in [
            ("<a@x> <b@x>", &["<a@x>", "<b@x>"][..]),
            ("<a@x>\r\n\t<b@x>\n", &["<a@x>", "<b@x>"]),
            ("<a@x><b@x>", &["<a@x>", "<b@x>"]),
            ("<a@x>,<b@x> , <c@x>", &["<a@x>", "<b@x>", "<c@x>"]),
            ("<a,b@x>,<c@x>", &["<a,b@x>", "<c@x>"]),
            ("&lt;a@x&gt; &lt;b@x&gt;", &["<a@x>", "<b@x>"]),
            ("a@x b@x", &["<a@x>", "<b@x>"]),
            ("a@x, b@x", &["<a@x>", "<b@x>"]),
            ("a,b@x <c@x>", &["<a,b@x>", "<c@x>"]),
            (" ", &[]),
        ] {
            assert_eq!(thread(given), ids, "{given:?}");
        }
        let many = References::Many(vec!["<a@x> <b@x>".to_owned(), "c@x".to_owned()]);
        assert_eq!(parse_references(&many).unwrap().len(), 3);
        for wrong in ["<a b>", "<a@x", "a@x> <b@x>"] {
            assert!(parse_references(&References::One(wrong.to_owned())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_parent_is_the_last_of_its_thread() {
        let id = |text| MessageId::parse(text).unwrap();
        let (a, b) = (id("<a@x>"), id("<b@x>"));
        for (given, whole) in [
            (vec![], vec![&b]),
            (vec![a.clone()], vec![&a, &b]),
            (vec![a.clone(), b.clone()], vec![&a, &b]),
            (vec![b.clone(), a.clone()], vec![&a, &b]),
        ] {
            assert_eq!(ending_with(given, Some(&b)).iter().collect::<Vec<_>>(), whole);
        }
        assert_eq!(ending_with(vec![a.clone()], None), [a]);
    }
}
