//! Counts the values in a JSON text without building them: in memory, a value of two bytes takes a hundred times as much.

use memchr::{memchr2, memchr3};

/// The limit for one request: enough for a thousand recipients three times over.
pub(crate) const MAX_VALUES: usize = 10_000;

/// What a value takes in memory, in bytes, while a request is parsed and kept: an object of one value is the largest.
const VALUE: usize = 1 << 10;

/// A usual call holds fewer, and is limited by the number of requests alone.
const FEW: usize = 32;

/// What a request of `json`, which holds so many values, takes in memory.
pub(crate) fn memory(json: &[u8], values: usize) -> usize {
    memory_for(json.len(), values)
}

/// The same for so many bytes.
pub(crate) fn memory_for(bytes: usize, values: usize) -> usize {
    bytes + values.saturating_sub(FEW) * VALUE
}

/// How many values `json` holds, an empty list in a list counted twice. For invalid JSON the result is arbitrary.
///
/// # Errors
/// More than `MAX_VALUES`.
pub(crate) fn count(json: &[u8]) -> Result<usize, TooManyValues> {
    let mut count = 0;
    let mut rest = json;
    while let Some(at) = next_mark(rest) {
        let (mark, behind) = (rest[at], &rest[at + 1..]);
        rest = if mark == b'"' { behind_string(behind) } else { behind };
        count += usize::from(mark != b'"');
        if count >= MAX_VALUES {
            return Err(TooManyValues);
        }
    }
    Ok(count)
}

/// More than `MAX_VALUES`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyValues;

/// The position of the next string, or of the next value: after a comma, or inside an opening bracket.
fn next_mark(json: &[u8]) -> Option<usize> {
    let first = memchr3(b'"', b',', b'{', json);
    // Only up to the first match: otherwise every step would scan the whole text.
    let before = &json[..first.unwrap_or(json.len())];
    memchr::memchr(b'[', before).or(first)
}

/// The rest of the text after the current string.
fn behind_string(mut text: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', text) {
        if text[at] == b'"' {
            return &text[at + 1..];
        }
        text = text.get(at + 2..).unwrap_or_default();
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_texts_are_not_read_as_values() {
        let array = |one: &str, count: usize| format!("[{}]", vec![one; count].join(","));
        let commas = format!("\"{}\"", ",[{\\\"".repeat(MAX_VALUES));
        let object = |count: usize| format!("{{{}}}", vec!["\"a\":0"; count].join(","));
        let table = [
            (array("0", MAX_VALUES - 1), false),
            (array("0", MAX_VALUES), true),
            (array(r#""a,b""#, MAX_VALUES - 1), false),
            (array("[]", MAX_VALUES / 2 - 1), false),
            (array("[]", MAX_VALUES / 2), true),
            (array("{}", MAX_VALUES / 2), true),
            (object(MAX_VALUES - 1), false),
            (object(MAX_VALUES), true),
            ("[".repeat(MAX_VALUES), true),
            (commas.clone(), false),
            (format!("[{commas},{}]", array("0", MAX_VALUES)), true),
            (r#""never closed,,"#.to_owned() + &",".repeat(MAX_VALUES), false),
            ("\"\\".to_owned(), false),
            (String::new(), false),
        ];
        assert_eq!(count(br#"{"a":[1,"b,"],"c":{}}"#), Ok(5));
        for (json, expected) in table {
            assert_eq!(count(json.as_bytes()).is_err(), expected, "{} bytes: {:.40}", json.len(), json);
        }
    }
}
