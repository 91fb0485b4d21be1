//! The arguments of a call: unknown ones are refused by name, known ones are deserialized.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::JsonObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::argument_types::{memory_of_json, normalize};
use super::schema;
use crate::address::character;
use crate::budget::{MemoryBudget, MemoryPermit};
use crate::request::attachment_field;

/// The arguments of a tool without parameters, which ignores those that automation platforms add.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(super) struct NoArgs {}

/// How long a call waits for that.
const JSON_WAIT: Duration = Duration::from_secs(10);

const BUSY: &str =
    "other calls with much JSON in strings are in progress; nothing was done, try again in a moment";
const TOO_MANY_VALUES: &str =
    "wrong arguments: the JSON in strings has more values than a request may have (10000); send less";

/// How many unknown arguments are named.
const MAX_NAMED: usize = 10;
/// How much of a wrong value is quoted, in characters.
const SHOWN: usize = 80;

/// More JSON in strings is parsed on a blocking thread.
const MUCH_JSON: usize = 1 << 20;

/// What the JSON in strings of all calls of a tool may take together, once it is parsed.
const JSON_BYTES: usize = 128 << 20;

/// The arguments of one tool.
#[derive(Debug, Clone)]
pub(super) struct Arguments {
    schema: Arc<JsonObject>,
    known: Arc<[String]>,
    /// For JSON in strings, which takes memory besides the request.
    json: MemoryBudget,
}

impl Arguments {
    /// Those that `schema` describes.
    pub(super) fn new(schema: &Arc<JsonObject>) -> Self {
        Self {
            known: schema::properties(schema).into(),
            schema: Arc::clone(schema),
            json: MemoryBudget::new(usize::MAX, JSON_BYTES),
        }
    }

    /// Deserializes `given`, in which only known names are allowed, unless the tool has no parameters. The permit is to be held
    /// as long as the result.
    ///
    /// # Errors
    /// One line: which argument is wrong, and what is expected. It quotes only the beginning of a value.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        given: JsonObject,
    ) -> Result<(T, MemoryPermit), String> {
        let given = self.checked(given)?;
        let memory = memory_of_json(&self.schema, &given).map_err(|_| TOO_MANY_VALUES)?;
        let permit = timeout(JSON_WAIT, self.json.permit(memory)).await.map_err(|_| BUSY)?;
        let given = self.normalized(given, memory).await?;
        Ok((deserialized(given)?, permit))
    }

    fn checked(&self, given: JsonObject) -> Result<JsonObject, String> {
        if self.known.is_empty() {
            return Ok(JsonObject::new());
        }
        let unknown: Vec<_> = given.keys().filter(|name| !self.known.contains(name)).collect();
        if unknown.is_empty() { Ok(given) } else { Err(refuse_unknown(&unknown, &self.known)) }
    }

    async fn normalized(&self, mut given: JsonObject, memory: usize) -> Result<JsonObject, String> {
        if memory <= MUCH_JSON {
            normalize(&self.schema, &mut given);
            return Ok(given);
        }
        let schema = Arc::clone(&self.schema);
        let parsing = tokio::task::spawn_blocking(move || {
            normalize(&schema, &mut given);
            given
        });
        parsing.await.map_err(|_| "an error inside this program; please report it".to_owned())
    }
}

fn deserialized<T: DeserializeOwned>(given: JsonObject) -> Result<T, String> {
    serde_path_to_error::deserialize(Value::Object(given)).map_err(|error| {
        let place = match error.path().to_string().as_str() {
            "." => String::new(),
            path => format!("{path}: "),
        };
        let problem = error.inner().to_string();
        let problem = other_name(&problem).unwrap_or_else(|| shortened(&problem));
        format!("wrong arguments: {place}{problem}")
    })
}

/// Only an attachment has fields that serde checks.
fn other_name(problem: &str) -> Option<String> {
    let (field, _) = problem.strip_prefix("unknown field `")?.split_once('`')?;
    attachment_field(field).map(|name| format!("this field is called {name} here"))
}

/// serde's message contains a value of a wrong type as a whole, which may be a whole mail.
pub(super) fn shortened(error: &str) -> String {
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
    format!("unknown argument{s} {unknown}: this tool knows {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::SendEmailArgs;
    use serde_json::json;

    async fn read<T: DeserializeOwned + schemars::JsonSchema>(given: Value) -> Result<T, String> {
        let given = given.as_object().cloned().unwrap_or_default();
        Arguments::new(&schema::input::<T>()).read(given).await.map(|(args, _)| args)
    }

    async fn mail(extra: Value) -> Result<SendEmailArgs, String> {
        let mut all = json!({ "to": "a@example.org", "subject": "s", "body": "b" });
        all.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap_or_default());
        read(all).await
    }

    #[tokio::test]
    async fn unknown_arguments_are_named_with_the_known_ones() {
        let error = mail(json!({ "nmae": 1, "x": 2 })).await.unwrap_err();
        assert!(
            error.starts_with(
                "unknown arguments \"nmae\", \"x\": this tool knows all_or_nothing, allow_duplicate, attachments, "
            ),
            "{error}"
        );
        let many: JsonObject = (0..1000).map(|number| (format!("k{number}"), Value::Null)).collect();
        let error = mail(Value::Object(many)).await.unwrap_err();
        assert!(error.contains(" and 990 more") && error.len() < 500, "{error}");
    }

    #[tokio::test]
    async fn a_tool_without_parameters_ignores_arguments() {
        assert!(read::<NoArgs>(json!({ "toolCallId": "call_x" })).await.is_ok());
    }

    #[tokio::test]
    async fn the_place_of_what_is_wrong_is_told_and_no_more_of_it_than_a_few_words() {
        assert!(read::<SendEmailArgs>(json!({})).await.unwrap_err().contains("`to`"));
        let table = [
            (json!({ "subject": null }), "subject: ", "a string"),
            (json!({ "to": ["a", 1] }), "to[1]: ", "a string"),
            (json!({ "cc": [null] }), "cc[0]: ", "a string"),
            (json!({ "html": "x".repeat(1 << 20) }), "html: ", "a boolean"),
            (json!({ "attachments": [{}, "f.txt"] }), "attachments[1]: ", "an object with"),
            (json!({ "attachments": [{ "path": 1 }] }), "attachments[0].path: ", "a string"),
        ];
        for (extra, location, expected) in table {
            let error = mail(extra).await.unwrap_err();
            assert!(error.starts_with(&format!("wrong arguments: {location}")), "{error}");
            assert!(error.contains(&format!("expected {expected}")) && error.len() < 300, "{error}");
        }
    }

    #[tokio::test]
    async fn a_field_of_an_attachment_with_another_name_is_told_its_name() {
        for (other, name) in
            [("name", "filename"), ("data", "content"), ("contentType", "mime_type"), ("file", "path")]
        {
            let error = mail(json!({ "attachments": [{ other: "x" }] })).await.unwrap_err();
            let expected =
                format!("wrong arguments: attachments[0].{other}: this field is called {name} here");
            assert_eq!(error, expected);
        }
    }

    #[tokio::test]
    async fn a_long_string_of_json_is_read_like_a_short_one() {
        let content = "A".repeat(2 * MUCH_JSON);
        let attachments = json!([{ "filename": "a", "content": content }]).to_string();
        let args = mail(json!({ "attachments": attachments })).await.unwrap();
        assert_eq!(args.attachments.unwrap()[0].content.as_deref(), Some(content.as_str()));
    }
}
