//! Arguments as some clients send them: JSON in a string, an empty list for an empty object, null or "" for what is not given.

use rmcp::model::JsonObject;
use serde_json::{Map, Value};

use crate::json_limits::{self, TooManyValues};

/// Removes optional arguments that are null or empty, and converts others to the type that `schema` has for them, where their
/// meaning is not in doubt. What cannot be converted stays as it is, for an error that names it.
pub(super) fn normalize(schema: &JsonObject, given: &mut JsonObject) {
    given.retain(|name, value| is_required(schema, name) || !is_empty(value));
    convert_fields(schema, given);
}

/// How much memory the JSON in strings takes once it is parsed, besides the strings.
///
/// # Errors
/// It has more values than a request may have.
pub(super) fn memory_of_json(schema: &JsonObject, given: &JsonObject) -> Result<usize, TooManyValues> {
    let (mut bytes, mut values) = (0, 0);
    for (name, value) in given {
        let is_wanted = matches!(type_of(schema, name), Some("array" | "object"));
        let texts =
            std::iter::once(value).chain(value.as_array().into_iter().flatten()).filter_map(Value::as_str);
        for text in texts.filter(|text| is_wanted && is_json(text)) {
            bytes += text.len();
            values += json_limits::count(text.as_bytes())?;
        }
    }
    if values > json_limits::MAX_VALUES {
        Err(TooManyValues)
    } else {
        Ok(json_limits::memory_for(bytes, values))
    }
}

fn type_of<'s>(schema: &'s JsonObject, name: &str) -> Option<&'s str> {
    schema.get("properties")?.get(name)?.get("type")?.as_str()
}

fn is_required(schema: &JsonObject, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|required| required == name))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

fn convert_fields(schema: &JsonObject, fields: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = schema.get("properties") else { return };
    for (name, value) in fields {
        if let Some(Value::Object(schema)) = properties.get(name) {
            convert(schema, value);
        }
    }
}

fn convert(schema: &JsonObject, value: &mut Value) {
    let Some(kind) = schema.get("type").and_then(Value::as_str) else { return };
    if let Some(converted) = converted(kind, value) {
        // JSON in a string of JSON stays a string: its values were not counted.
        *value = converted;
        return;
    }
    match value {
        Value::Object(fields) => convert_fields(schema, fields),
        Value::Array(items) => {
            if let Some(Value::Object(schema)) = schema.get("items") {
                items.iter_mut().for_each(|item| convert(schema, item));
            }
        }
        _ => {}
    }
}

/// `value` as a `kind`, if it is not one already and it is clear which one it is.
fn converted(kind: &str, value: &Value) -> Option<Value> {
    match (kind, value) {
        ("object", Value::Array(items)) if items.is_empty() => Some(Value::Object(Map::new())),
        ("boolean", Value::String(text)) => boolean(text.trim()).map(Value::Bool),
        ("array" | "object", Value::String(text)) if is_json(text) => {
            let parsed: Option<Value> = serde_json::from_str(text).ok();
            parsed.filter(|parsed| if kind == "array" { parsed.is_array() } else { parsed.is_object() })
        }
        ("integer" | "number", Value::String(text)) => {
            serde_json::from_str(text.trim()).ok().filter(Value::is_number)
        }
        _ => None,
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::schema;
    use crate::request::SendEmailArgs;
    use serde_json::json;

    #[test]
    fn what_clients_send_as_strings_is_converted() {
        let file = json!({ "filename": "a.txt", "content": "eA==" });
        let vars = json!({ "name": "Ada" });
        let quoted = |value: &Value| Value::String(value.to_string());
        let table = [
            ("html", json!("true"), json!(true)),
            ("html", json!(" FALSE "), json!(false)),
            ("html", json!("yes"), json!("yes")),
            ("html", json!(1), json!(1)),
            ("attachments", quoted(&json!([file])), json!([file])),
            ("attachments", json!([quoted(&file)]), json!([file])),
            ("attachments", quoted(&json!([quoted(&file)])), json!([quoted(&file)])),
            ("attachments", quoted(&file), quoted(&file)),
            ("attachments", json!("[1,"), json!("[1,")),
            ("template_vars", quoted(&vars), vars.clone()),
            ("template_vars", json!([]), json!({})),
            ("template_vars", json!("[]"), json!("[]")),
            ("template_vars", json!({ "a": "true" }), json!({ "a": "true" })),
            ("wait_seconds", json!("2.5"), json!(2.5)),
            ("wait_seconds", json!("soon"), json!("soon")),
            ("subject", json!("[1]"), json!("[1]")),
            ("subject", json!("true"), json!("true")),
        ];
        let schema = schema::input::<SendEmailArgs>();
        for (name, given, expected) in table {
            let mut all = JsonObject::from_iter([(name.to_owned(), given.clone())]);
            normalize(&schema, &mut all);
            assert_eq!(all.get(name), Some(&expected), "{name} {given}");
        }
    }

    #[test]
    fn values_in_strings_count_as_those_of_the_request() {
        let schema = schema::input::<SendEmailArgs>();
        let memory = |name: &str, value: Value| {
            memory_of_json(&schema, &JsonObject::from_iter([(name.to_owned(), value)]))
        };
        let long = format!("[{}0]", "0,".repeat(json_limits::MAX_VALUES / 2 + 1));
        assert_eq!(memory("body", json!(long)), Ok(0), "a text stays a text");
        assert_eq!(memory("attachments", json!([[], {}])), Ok(0));
        assert!(memory("attachments", json!(long)).is_ok_and(|memory| memory > long.len()));
        assert_eq!(memory("attachments", json!([long, long])), Err(TooManyValues));
    }

    #[test]
    fn what_is_not_given_is_removed() {
        let Value::Object(mut given) =
            json!({ "subject": "", "body": null, "cc": "", "html": null, "attachments": [] })
        else {
            unreachable!()
        };
        normalize(&schema::input::<SendEmailArgs>(), &mut given);
        assert_eq!(Value::Object(given), json!({ "subject": "", "body": null, "attachments": [] }));
    }
}
