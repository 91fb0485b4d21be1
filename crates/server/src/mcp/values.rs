//! How many values a JSON text holds, without building any of them: in memory, a value of two bytes takes a hundred times as much.

use memchr::{memchr2, memchr3};

/// The most values of one request: a thousand recipients thrice over, and far more than anybody writes.
pub(super) const MOST: usize = 10_000;

/// Whether `json` holds more than `MOST` values, an empty list in a list counted twice. Of what is no JSON it may say anything.
pub(super) fn too_many(json: &[u8]) -> bool {
    let mut count = 0;
    let mut rest = json;
    while let Some(at) = next_mark(rest) {
        let (mark, behind) = (rest[at], &rest[at + 1..]);
        rest = if mark == b'"' { behind_string(behind) } else { behind };
        count += usize::from(mark != b'"');
        if count >= MOST {
            return true;
        }
    }
    false
}

/// Where a string begins, or another value is announced: behind a comma, or inside something that opens.
fn next_mark(json: &[u8]) -> Option<usize> {
    let first = memchr3(b'"', b',', b'{', json);
    // Nothing but what is between here and there: else every step would look through the whole text.
    let before = &json[..first.unwrap_or(json.len())];
    memchr::memchr(b'[', before).or(first)
}

/// What stands behind the string that has begun.
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
        let commas = format!("\"{}\"", ",[{\\\"".repeat(MOST));
        let object = |count: usize| format!("{{{}}}", vec!["\"a\":0"; count].join(","));
        let table = [
            (array("0", MOST - 1), false),
            (array("0", MOST), true),
            (array(r#""a,b""#, MOST - 1), false),
            (array("[]", MOST / 2 - 1), false),
            (array("[]", MOST / 2), true),
            (array("{}", MOST / 2), true),
            (object(MOST - 1), false),
            (object(MOST), true),
            ("[".repeat(MOST), true),
            (commas.clone(), false),
            (format!("[{commas},{}]", array("0", MOST)), true),
            (r#""never closed,,"#.to_owned() + &",".repeat(MOST), false),
            ("\"\\".to_owned(), false),
            (String::new(), false),
        ];
        for (json, expected) in table {
            assert_eq!(too_many(json.as_bytes()), expected, "{} bytes: {:.40}", json.len(), json);
        }
    }
}
