//! Whether the params of a message have to be put right, found while its head is read.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::params::{CLIENT_CAPABILITIES, are_capabilities};
use crate::budget::SMALL;

/// The params of a message. `repair` may put right what is odd.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ParamsShape {
    pub(super) is_odd: bool,
}

impl<'de> Deserialize<'de> for ParamsShape {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let is_odd = json.deserialize_any(OddVisitor(Place::Params))?;
        Ok(Self { is_odd })
    }
}

/// A value with objects in known places, and whether one of these is something else.
#[derive(Clone, Copy)]
enum Place {
    Params,
    Arguments,
    Meta,
}

struct OddVisitor(Place);

impl<'de> serde::de::DeserializeSeed<'de> for OddVisitor {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OddVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut is_odd = false;
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            is_odd |= match (self.0, key.as_ref()) {
                (Place::Params, "arguments") => map.next_value_seed(OddVisitor(Place::Arguments))?,
                (Place::Params, "_meta") => map.next_value_seed(OddVisitor(Place::Meta))?,
                (Place::Meta, CLIENT_CAPABILITIES) => are_odd(map.next_value()?),
                _ => map.next_value::<IgnoredAny>().map(|_| false)?,
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

fn are_odd(capabilities: &RawValue) -> bool {
    let json = capabilities.get();
    let is_small = json.len() <= SMALL;
    !(is_small && serde_json::from_str(json).is_ok_and(|given| are_capabilities(&given)))
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
