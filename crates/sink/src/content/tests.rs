//! Dot-stuffing and defects, each at every split of the input.

use super::{Content, DotUnstuffer, defects};

/// What `wire` decodes to, cut into chunks of `step` bytes: content, bytes used, whether a dot was not doubled.
fn decode(wire: &[u8], step: usize) -> (Vec<u8>, usize, bool) {
    let (mut dots, mut content) = (DotUnstuffer::new(), Content::up_to(1000));
    let mut used = 0;
    for piece in wire.chunks(step) {
        let (taken, ended) = dots.take(piece, &mut content);
        used += taken;
        if ended {
            return (content.bytes, used, dots.unstuffed);
        }
    }
    panic!("no end in {wire:?}");
}

#[test]
fn dots_come_off_however_the_bytes_are_cut() {
    let table: [(&[u8], &[u8], bool); 13] = [
        (b"\n.\r\nb\r\n.\r\n", b"\n.\r\nb\r\n", false),
        (b"a\r\n\n.\r\n.\r\n", b"a\r\n\n.\r\n", false),
        (b".\r\n", b"", false),
        (b"\r\n.\r\n", b"\r\n", false),
        (b"a\r\n.\r\n", b"a\r\n", false),
        (b"..a\r\n.\r\n", b".a\r\n", false),
        (b"...\r\n.\r\n", b"..\r\n", false),
        (b"a.\r\n.\r\n", b"a.\r\n", false),
        (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n", false),
        (b"a\r.\r\nb\r\n.\r\n", b"a\r.\r\nb\r\n", false),
        (b".a\r\n.\r\n", b"a\r\n", true),
        (b".\rx\r\n.\r\n", b"\rx\r\n", true),
        (b".\n\r\n.\r\n", b"\n\r\n", true),
    ];
    for (wire, expected, unstuffed) in table {
        let with_more = [wire, b"QUIT\r\n"].concat();
        for step in 1..=with_more.len() {
            let found = decode(&with_more, step);
            assert_eq!(found, (expected.to_vec(), wire.len(), unstuffed), "{wire:?} in steps of {step}");
        }
    }
}

#[test]
fn a_cr_before_crlf_is_no_line_end_of_its_own() {
    assert_eq!(decode(b"a\r\r\n.\r\n", 3).0, b"a\r\r\n");
}

#[test]
fn content_stops_at_its_limit() {
    let mut content = Content::up_to(3);
    content.push(b"abc");
    assert!(!content.too_large);
    content.push(b"d");
    assert!(content.too_large);
}

const EIGHT_BIT: &str = "8-bit data without BODY=8BITMIME or SMTPUTF8 (line 2, 1 in all)";

fn check(bytes: &[u8], smtputf8: bool, body_8bit: bool, expected: &[&str]) {
    let found = defects(bytes, smtputf8, body_8bit);
    assert_eq!(found, expected, "{}", String::from_utf8_lossy(bytes));
}

#[test]
fn lines_that_end_or_run_wrong_are_named() {
    let no_end = "the last line does not end with CRLF (line 2, 1 in all)";
    check(b"Subject: a\r\n\r\nb\r\n", false, false, &[]);
    check(b"", false, false, &[]);
    check(b"\r\na\nb\r\n", false, false, &["a bare LF (line 2, 1 in all)"]);
    check(b"\r\na\rb\r\nc\rd\r\n", false, false, &["a bare CR (line 2, 2 in all)"]);
    check(b"\r\na\r\r\n", false, false, &["a bare CR (line 2, 1 in all)"]);
    check(b"\r\na\n", false, false, &["a bare LF (line 2, 1 in all)", no_end]);
    check(b"\r\na", false, false, &[no_end]);
    let long = [&[b'a'; 999][..], b"\r\n"].concat();
    check(&long, false, false, &["a line longer than 998 bytes (line 1, 1 in all)"]);
    check(&long[1..], false, false, &[]);
}

#[test]
fn bytes_that_were_not_announced_are_named() {
    check("\r\nå\r\n".as_bytes(), false, false, &[EIGHT_BIT]);
    check("\r\nå\r\n".as_bytes(), false, true, &[]);
    check("\r\nå\r\n".as_bytes(), true, false, &[]);
    let header = "8-bit data in the header without SMTPUTF8 (line 1, 1 in all)";
    check("Subject: å\r\n".as_bytes(), false, true, &[header]);
    check("Subject: å\r\n".as_bytes(), true, false, &[]);
    check(b"\r\na\0b\r\n", false, false, &["a NUL byte (line 2, 1 in all)"]);
}
