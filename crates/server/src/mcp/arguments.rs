//! The arguments of a call: unknown ones are refused by name, known ones are deserialized.

use rmcp::model::JsonObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::address::character;

/// The arguments of a tool without parameters.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoArgs {}

/// How many unknown arguments are named.
const MAX_NAMED: usize = 10;
/// How much of a wrong value is quoted, in characters.
const SHOWN: usize = 80;

/// Deserializes `given`, in which only `known` names are allowed.
///
/// # Errors
/// One line: which argument is wrong, and what is expected. It quotes only the beginning of a value.
pub(super) fn read<T: DeserializeOwned>(known: &[String], given: JsonObject) -> Result<T, String> {
    let unknown: Vec<_> = given.keys().filter(|name| !known.contains(name)).collect();
    if !unknown.is_empty() {
        return Err(refuse_unknown(&unknown, known));
    }
    serde_path_to_error::deserialize(Value::Object(given)).map_err(|error| {
        let place = match error.path().to_string().as_str() {
            "." => String::new(),
            path => format!("{path}: "),
        };
        format!("wrong arguments: {place}{}", shortened(&error.inner().to_string()))
    })
}

/// serde's message contains a value of a wrong type as a whole, which may be a whole mail.
fn shortened(error: &str) -> String {
    let (found, expected) = error.rsplit_once(", expected ").unwrap_or((error, ""));
    let cut = found.char_indices().nth(SHOWN).map_or(found.len(), |(at, _)| at);
    let dots = if cut < found.len() { "…" } else { "" };
    let expected = if expected.is_empty() { String::new() } else { format!(", expected {expected}") };
    format!("{}{dots}{expected}", &found[..cut])
}

fn refuse_unknown(unknown: &[&String], known: &[String]) -> String {
    let s = if unknown.len() == 1 { "" } else { "s" };
    let named: Vec<_> = unknown.iter().take(MAX_NAMED).map(|name| character::quoted(name)).collect();
    let more = match unknown.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let unknown = named.join(", ") + &more;
    if known.is_empty() {
        return format!("unknown argument{s} {unknown}: this tool takes none");
    }
    format!("unknown argument{s} {unknown}: this tool knows {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Name {
        name: String,
    }

    fn given(value: &Value) -> JsonObject {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn unknown_arguments_are_named_with_the_known_ones() {
        let known = ["name".to_owned(), "age".to_owned()];
        let error = read::<Name>(&known, given(&json!({ "nmae": 1, "name": "a", "x": 2 }))).unwrap_err();
        assert_eq!(error, "unknown arguments \"nmae\", \"x\": this tool knows name, age");
        let error = read::<NoArgs>(&[], given(&json!({ "x": 1 }))).unwrap_err();
        assert_eq!(error, "unknown argument \"x\": this tool takes none");
    }

    #[test]
    fn known_arguments_are_read_or_explained() {
        let known = ["name".to_owned()];
        let read = |value| read::<Name>(&known, given(&value));
        assert_eq!(read(json!({ "name": "a" })), Ok(Name { name: "a".to_owned() }));
        assert!(read(json!({})).unwrap_err().contains("`name`"));
        let wrong = read(json!({ "name": 1 })).unwrap_err();
        assert_eq!(wrong, "wrong arguments: name: invalid type: number, expected a string");
    }

    #[test]
    fn the_place_of_what_is_wrong_is_told_and_no_more_of_it_than_a_few_words() {
        let known = ["to", "subject", "body", "cc", "html", "attachments"].map(str::to_owned);
        let mail = |extra: Value| {
            let mut all = given(&json!({ "to": "a@example.org", "subject": "s", "body": "b" }));
            all.extend(given(&extra));
            read::<crate::request::SendEmailArgs>(&known, all).unwrap_err()
        };
        let table = [
            (json!({ "subject": null }), "subject: ", "a string"),
            (json!({ "to": ["a", 1] }), "to[1]: ", "a string"),
            (json!({ "cc": [null] }), "cc[0]: ", "a string"),
            (json!({ "html": "x".repeat(1 << 20) }), "html: ", "a boolean"),
            (json!({ "attachments": [{}, "f.txt"] }), "attachments[1]: ", "an object with"),
            (json!({ "attachments": [{ "path": 1 }] }), "attachments[0].path: ", "a string"),
        ];
        for (extra, location, expected) in table {
            let error = mail(extra);
            assert!(error.starts_with(&format!("wrong arguments: {location}")), "{error}");
            assert!(error.contains(&format!("expected {expected}")) && error.len() < 300, "{error}");
        }
        let many: JsonObject = (0..1000).map(|number| (format!("k{number}"), Value::Null)).collect();
        let error = read::<NoArgs>(&[], many).unwrap_err();
        assert!(error.contains(" and 990 more") && error.len() < 300, "{error}");
    }
}
