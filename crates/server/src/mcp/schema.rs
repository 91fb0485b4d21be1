//! Minimal JSON schemas: what a model or a validator needs, and nothing else.

use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// The schema of a tool's arguments: plain types only, because many clients convert it for a model, and drop or refuse the rest.
/// That other names are refused, and that null means "not given", is not advertised.
pub(super) fn input<T: JsonSchema>() -> Arc<JsonObject> {
    let mut schema = minimal_schema::<T>(SchemaSettings::draft2020_12());
    schema.values_mut().for_each(drop_null);
    schema.values_mut().for_each(drop_closed);
    schema.remove("additionalProperties");
    schema.entry("properties").or_insert_with(|| json!({}));
    Arc::new(schema)
}

/// The schema of a tool's result. A failure has `success` and `error` and perhaps some of the rest, so only `success` is required.
pub(super) fn output<T: JsonSchema>() -> Arc<JsonObject> {
    let mut schema = minimal_schema::<T>(SchemaSettings::draft2020_12().for_serialize());
    schema.values_mut().for_each(drop_required);
    schema.values_mut().for_each(drop_nullable);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("success".to_owned(), json!({ "type": "boolean" }));
        properties.insert("error".to_owned(), json!({ "type": "string" }));
    }
    schema.insert("required".to_owned(), json!(["success"]));
    Arc::new(schema)
}

/// An object that another tool's schema describes.
pub(super) fn object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

/// The names of a schema's properties, in its order.
pub(super) fn properties(schema: &JsonObject) -> Vec<String> {
    match schema.get("properties") {
        Some(Value::Object(properties)) => properties.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

fn minimal_schema<T: JsonSchema>(settings: SchemaSettings) -> JsonObject {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    minimize(&mut schema);
    match schema {
        Value::Object(mut schema) => {
            schema.remove("description");
            schema
        }
        _ => JsonObject::new(),
    }
}

/// Removes what only repeats Rust's names and number types.
fn minimize(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let is_type = object.contains_key("type");
            object.retain(|key, value| !(is_type && is_noise(key, value)));
            object.values_mut().for_each(minimize);
        }
        Value::Array(items) => items.iter_mut().for_each(minimize),
        _ => {}
    }
}

/// A list of required keys at each level costs tokens, and does not help to read a result.
fn drop_required(schema: &mut Value) {
    visit(schema, &|object| object.retain(|key, value| key != "required" || !value.is_array()));
}

/// `["string", "null"]` becomes `"string"`.
fn drop_null(schema: &mut Value) {
    visit(schema, &|object| {
        if let Some(kind) = nullable(object) {
            object.insert("type".to_owned(), kind);
        }
    });
}

/// Whether an object is closed is told when it is not what is expected.
fn drop_closed(schema: &mut Value) {
    visit(schema, &|object| object.retain(|key, value| key != "additionalProperties" || !value.is_boolean()));
}

/// What may be null has no type: not every client supports a list of types, and a choice of two schemas costs more than it says.
fn drop_nullable(schema: &mut Value) {
    visit(schema, &|object| {
        if nullable(object).is_some() {
            object.retain(|key, value| key == "description" && value.is_string());
        }
    });
}

/// The one type that a schema allows besides null.
fn nullable(schema: &JsonObject) -> Option<Value> {
    match schema.get("type")?.as_array()?.as_slice() {
        [kind, null] if null == "null" => Some(kind.clone()),
        _ => None,
    }
}

/// Every object in `schema`, the innermost first.
fn visit(schema: &mut Value, act: &impl Fn(&mut JsonObject)) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(|value| visit(value, act));
            act(object);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, act)),
        _ => {}
    }
}

/// Annotations have string or number values; a property that happens to be called `title` has a schema.
fn is_noise(key: &str, value: &Value) -> bool {
    match key {
        "title" | "format" => value.is_string(),
        "minimum" | "maximum" => value.is_number(),
        "default" => value.is_null(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Without doc comments: they would become descriptions.
    #[derive(serde::Serialize, serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        title: String,
        port: Option<u16>,
        #[serde(default)]
        note: Option<String>,
    }

    #[test]
    fn input_is_plain_and_thin() {
        assert_eq!(
            Value::Object((*input::<Sample>()).clone()),
            json!({
                "type": "object",
                "properties": {
                    "title": { "type": "string" },
                    "port": { "type": "integer" },
                    "note": { "type": "string" },
                },
                "required": ["title"],
            })
        );
    }

    #[test]
    fn output_covers_failures_too() {
        let schema = output::<Sample>();
        assert_eq!(schema["required"], json!(["success"]));
        assert!(properties(&schema).contains(&"error".to_owned()));
        assert_eq!(schema["properties"]["port"], json!({}));
        assert_eq!(schema["properties"]["title"], json!({ "type": "string" }));
    }
}
