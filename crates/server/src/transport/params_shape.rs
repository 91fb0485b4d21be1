//! Whether the params of a message have to be put right, found while its head is read.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::params::{CLIENT_CAPABILITIES, are_capabilities};
use crate::budget::SMALL;

/// The params of a message. `repair` may put right what is odd.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ParamsShape {
    pub(super) is_odd: bool,
}

impl<'de> Deserialize<'de> for ParamsShape {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let is_odd = json.deserialize_any(OddVisitor)?;
        Ok(Self { is_odd })
    }
}

/// Whether params are odd. The arguments are not decoded, however long they are.
struct OddVisitor;

impl<'de> Visitor<'de> for OddVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut is_odd = false;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let value = map.next_value::<&RawValue>()?.get();
            is_odd |= match key.as_ref() {
                "arguments" => !value.starts_with('{'),
                "_meta" => is_odd_meta(value),
                _ => false,
            };
        }
        Ok(is_odd)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(true)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<bool, E> {
        Ok(true)
    }
}

/// A longer one than any client needs is left to rmcp.
fn is_odd_meta(meta: &str) -> bool {
    if meta.len() > SMALL {
        return false;
    }
    let meta: Result<Map<String, Value>, _> = serde_json::from_str(meta);
    meta.map_or(true, |meta| meta.get(CLIENT_CAPABILITIES).is_some_and(|given| !are_capabilities(given)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_put_right_is_odd() {
        let table = [
            (r#"{"name":"t","arguments":{"a":[1]}}"#, false),
            (r#"{"name":"t","_meta":{"a":1}}"#, false),
            (r#"{"_meta":{"io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}"#, false),
            (r#"{"_meta":{"io.modelcontextprotocol/clientCapabilities":{"sampling":true}}}"#, true),
            (r#"{"_meta":[]}"#, true),
            (r#"{"arguments":[]}"#, true),
            (r#"{"arguments":"{}"}"#, true),
            (r#"{"arguments":null}"#, true),
            ("[]", true),
            ("null", true),
        ];
        for (params, expected) in table {
            let shape: ParamsShape = serde_json::from_str(params).unwrap();
            assert_eq!(shape.is_odd, expected, "{params}");
        }
    }
}
