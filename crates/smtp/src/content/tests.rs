//! Content: line ends, sizes, and dots.

use bytes::Bytes;
use proptest::prelude::*;

use super::Content;

fn content(chunks: &[&[u8]]) -> Content {
    Content { chunks: chunks.iter().map(|chunk| Bytes::copy_from_slice(chunk)).collect(), smtputf8: false }
}

/// What DATA puts on the wire, its end included.
fn on_the_wire(content: &Content) -> Vec<u8> {
    content.for_data().flatten().copied().collect()
}

/// How a server decodes it (RFC 5321, section 4.5.2). `None`: the end came too early or not at all.
fn received(wire: &[u8]) -> Option<Vec<u8>> {
    let body = wire.strip_suffix(b".\r\n")?;
    let mut message = Vec::new();
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        if line == b".\r\n" || !line.ends_with(b"\r\n") {
            return None;
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    Some(message)
}

#[test]
fn dots_are_doubled_at_line_starts_wherever_the_pieces_meet() {
    for (chunks, wire) in [
        (&[&b"a\r\n.\r\nb\r\n"[..]][..], &b"a\r\n..\r\nb\r\n.\r\n"[..]),
        (&[b".a\r\n"], b"..a\r\n.\r\n"),
        (&[b"a\r\n", b".b\r\n"], b"a\r\n..b\r\n.\r\n"),
        (&[b"a\r", b"\n", b"", b".", b"\r", b"\n"], b"a\r\n..\r\n.\r\n"),
        (&[b"a.", b".b\r\n"], b"a..b\r\n.\r\n"),
        (&[b"no end"], b"no end\r\n.\r\n"),
        (&[b"a\r\n."], b"a\r\n..\r\n.\r\n"),
        (&[b"\r\n"], b"\r\n.\r\n"),
        (&[], b".\r\n"),
        (&[b""], b".\r\n"),
    ] {
        let content = content(chunks);
        assert_eq!(String::from_utf8_lossy(&on_the_wire(&content)), String::from_utf8_lossy(wire));
    }
}

#[test]
fn line_ends() {
    for (chunks, good) in [
        (&[&b"a\r\nb\r\n"[..]][..], true),
        (&[b"a\r", b"\nb"], true),
        (&[b"a\r", b"", b"\nb"], true),
        (&[], true),
        (&[b"a\nb"], false),
        (&[b"\na"], false),
        (&[b"a\rb"], false),
        (&[b"a\r"], false),
        (&[b"a\r", b"b"], false),
        (&[b"a", b"\nb"], false),
        (&[b"a\r\r\n"], false),
        (&[b"a\r\n\n"], false),
    ] {
        assert_eq!(content(chunks).has_crlf_throughout(), good, "{chunks:?}");
    }
}

#[test]
fn sizes_count_the_end_of_the_last_line_and_no_dots() {
    for (chunks, size) in
        [(&[&b"a\r\n"[..]][..], 3), (&[b"a"], 3), (&[b"a\r", b"\n"], 3), (&[b".\r\n"], 3), (&[], 0)]
    {
        assert_eq!(content(chunks).size(), size, "{chunks:?}");
    }
    assert!(content(&[b"a", "ü".as_bytes()]).is_8bit());
    assert!(!content(&[b"a"]).is_8bit());
}

proptest! {
    #[test]
    fn what_is_sent_is_what_is_received(lines in proptest::collection::vec("[.a]{0,4}", 0..12), cut in 0usize..40) {
        let message: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let (head, tail) = message.as_bytes().split_at(cut.min(message.len()));
        let content = content(&[head, tail]);
        prop_assert!(content.has_crlf_throughout());
        prop_assert_eq!(content.size(), message.len() as u64);
        prop_assert_eq!(received(&on_the_wire(&content)), Some(message.into_bytes()));
    }

    #[test]
    fn whatever_passes_the_check_cannot_end_early(bytes in "[.\r\na]{0,24}", cut in 0usize..24) {
        let (head, tail) = bytes.as_bytes().split_at(cut.min(bytes.len()));
        let content = content(&[head, tail]);
        if content.has_crlf_throughout() {
            let got = received(&on_the_wire(&content));
            prop_assert!(got.is_some_and(|got| got.starts_with(bytes.as_bytes())));
        } else {
            let alone = bytes.replace("\r\n", "");
            prop_assert!(alone.contains(['\r', '\n']));
        }
    }
}
