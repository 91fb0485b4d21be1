//! Bytes that a script cannot show as they are.

/// The bytes of a line: the text, its escapes expanded, and the line end.
pub(crate) fn line(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = expand(text)?;
    bytes.extend_from_slice(b"\r\n");
    Ok(bytes)
}

/// The text with its escapes and repetitions expanded.
pub(crate) fn expand(text: &str) -> Result<Vec<u8>, String> {
    let Some((before, rest)) = text.split_once('{') else {
        return unescape(text);
    };
    let (inside, behind) = rest.split_once('}').ok_or("a { without its }")?;
    let (again, times) = inside.rsplit_once('*').ok_or("expected {text*n}")?;
    let times: usize = times.parse().map_err(|_| "expected {text*n}")?;
    Ok([unescape(before)?, unescape(again)?.repeat(times), expand(behind)?].concat())
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut parts = text.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    while let Some(part) = parts.next() {
        let (byte, length) = match part.as_bytes() {
            // Two backslashes in a row: what follows the second one stands for itself.
            [] => {
                bytes.push(b'\\');
                bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
                continue;
            }
            [b't', ..] => (b'\t', 1),
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b'x', ..] => (hexadecimal(part).ok_or("expected \\xNN")?, 3),
            _ => return Err(format!("no such escape: \\{part}")),
        };
        bytes.push(byte);
        bytes.extend_from_slice(&part.as_bytes()[length..]);
    }
    Ok(bytes)
}

fn hexadecimal(part: &str) -> Option<u8> {
    u8::from_str_radix(part.get(1..3)?, 16).ok()
}

#[test]
fn escapes_and_repetitions() {
    for (text, bytes) in [
        ("250 ok", &b"250 ok"[..]),
        (r"\xff\x20\t.", b"\xff \t."),
        (r"a\\nb\r\n", b"a\\nb\r\n"),
        ("{ab*2}-{c*3}!", b"abab-ccc!"),
    ] {
        assert_eq!(expand(text).unwrap(), bytes, "{text}");
    }
    for text in [r"\q", r"\x4", "{a*", "{a}", "{a*b}"] {
        assert!(expand(text).is_err(), "{text}");
    }
}
