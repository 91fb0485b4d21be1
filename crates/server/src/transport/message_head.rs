//! The head of a JSON-RPC message: its id and method, read without building anything else.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The longest id, in bytes: an answer repeats it, and it is kept as long as the request is in flight.
pub(super) const MAX_ID: usize = 256;

/// The id and method of a message: enough to answer it and to say what is wrong. Everything else is skipped.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct MessageHead<P = IgnoredAny> {
    pub(super) id: MessageId,
    method: Method,
    pub(super) params: P,
    result: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

/// The id of a message.
#[derive(Debug, Default, PartialEq)]
pub(super) enum MessageId {
    /// There is none, or it is `null`.
    #[default]
    None,
    /// A string or an integer.
    Valid(Value),
    /// A string of more than `MAX_ID` bytes.
    TooLong,
    /// Something else.
    Invalid,
}

/// A method, if it is a string.
#[derive(Debug, Default, PartialEq)]
struct Method(Option<String>);

impl<P> MessageHead<P> {
    /// The method, if there is one.
    pub(super) fn method(&self) -> Option<&str> {
        self.method.0.as_deref()
    }

    /// Whether it is answered, if it is a message at all: a notification and a response are not.
    pub(super) fn is_answered(&self) -> bool {
        match self.method() {
            Some(_) => self.id != MessageId::None,
            None => self.result.is_none() && self.error.is_none(),
        }
    }
}

impl MessageId {
    /// As an answer repeats it: `null` unless it is valid.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Valid(id) => id,
            Self::None | Self::TooLong | Self::Invalid => Value::Null,
        }
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Ok(match json.deserialize_any(ScalarVisitor)? {
            Scalar::Null => Self::None,
            Scalar::Integer(number) => Self::Valid(number),
            Scalar::Text(text) if text.len() > MAX_ID => Self::TooLong,
            Scalar::Text(text) => Self::Valid(Value::String(text)),
            Scalar::Other => Self::Invalid,
        })
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Ok(match json.deserialize_any(ScalarVisitor)? {
            Scalar::Text(text) => Self(Some(text)),
            _ => Self(None),
        })
    }
}

/// A value without others in it.
enum Scalar {
    Null,
    Integer(Value),
    Text(String),
    /// A fraction, a boolean, a list, an object.
    Other,
}

/// Reads any value; the contents of lists and objects are skipped.
struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(number.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Scalar, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_string_or_an_integer_is_an_id() {
        let longest = "x".repeat(MAX_ID);
        let (fits, too_long) = (format!("\"{longest}\""), format!("\"{longest}y\""));
        let table = [
            ("null", MessageId::None),
            ("7", MessageId::Valid(json!(7))),
            ("18446744073709551615", MessageId::Valid(json!(u64::MAX))),
            (r#""a""#, MessageId::Valid(json!("a"))),
            (&fits, MessageId::Valid(json!(longest))),
            (&too_long, MessageId::TooLong),
            ("1.5", MessageId::Invalid),
            ("true", MessageId::Invalid),
            (r#"[{"":[1]}]"#, MessageId::Invalid),
            (r#"{"":{"":1}}"#, MessageId::Invalid),
        ];
        for (id, expected) in table {
            let head: MessageHead =
                serde_json::from_str(&format!(r#"{{"x":[1],"id":{id},"method":"m"}}"#)).unwrap();
            assert_eq!((head.method(), &head.id), (Some("m"), &expected), "{id}");
        }
        for method in ["5", "null", "[[]]", "{}"] {
            let head: MessageHead = serde_json::from_str(&format!(r#"{{"method":{method}}}"#)).unwrap();
            assert_eq!(head, MessageHead::default(), "{method}");
        }
    }

    #[test]
    fn notifications_and_responses_are_not_answered() {
        let table = [
            (r#"{"id":1,"method":"m"}"#, true),
            (r#"{"id":[],"method":"m"}"#, true),
            (r#"{"method":"m"}"#, false),
            (r#"{"id":1,"result":{"a":[]}}"#, false),
            (r#"{"id":1,"error":{}}"#, false),
            (r#"{"a":1}"#, true),
        ];
        for (message, expected) in table {
            let head: MessageHead = serde_json::from_str(message).unwrap();
            assert_eq!(head.is_answered(), expected, "{message}");
        }
    }
}
