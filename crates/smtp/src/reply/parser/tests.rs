//! The reply parser: tables, bounds, and that splitting never matters.

use proptest::prelude::*;

use super::{ParseError, ReplyParser};
use crate::{EnhancedCode, Reply};

type Read = Result<Option<Reply>, ParseError>;

/// Everything in `bytes`, fed in chunks that end at the given offsets, up to the first error.
fn read_all(bytes: &[u8], chunk: usize) -> Vec<Read> {
    let mut parser = ReplyParser::default();
    let mut read = Vec::new();
    for mut part in bytes.chunks(chunk.max(1)) {
        while !part.is_empty() {
            let (taken, result) = parser.feed(part);
            part = &part[taken..];
            match result {
                Ok(None) => {}
                Ok(reply) => read.push(Ok(reply)),
                Err(e) => {
                    read.push(Err(e));
                    return read;
                }
            }
        }
    }
    read
}

fn one(bytes: &[u8]) -> Read {
    read_all(bytes, usize::MAX).into_iter().next().unwrap_or(Ok(None))
}

#[test]
fn replies() {
    for (bytes, code, enhanced, text) in [
        (&b"250 ok\r\n"[..], 250, None, "ok"),
        (b"250 ok\n", 250, None, "ok"),
        (b"250\r\n", 250, None, ""),
        (b"250 \r\n", 250, None, ""),
        (b"250-a\r\n250-b\n250 c\r\n", 250, None, "a\nb\nc"),
        (b"250-\r\n250\r\n", 250, None, "\n"),
        (b"550 5.1.1 no such user\r\n", 550, Some((5, 1, 1)), "no such user"),
        (b"550-5.7.26 a\r\n550 5.7.26 b\r\n", 550, Some((5, 7, 26)), "a\nb"),
        (b"250 2.0.0\r\n", 250, Some((2, 0, 0)), ""),
        (b"550 4.1.1 of another class\r\n", 550, None, "4.1.1 of another class"),
        (b"550 5.1 half\r\n", 550, None, "5.1 half"),
        (b"550 5.1.1.1 long\r\n", 550, None, "5.1.1.1 long"),
        (b"550 5.1.1111 wide\r\n", 550, None, "5.1.1111 wide"),
        (b"354 go\xff on\r\n", 354, None, "go\u{fffd} on"),
    ] {
        let enhanced = enhanced.map(|(class, subject, detail)| EnhancedCode { class, subject, detail });
        let wanted = Reply { code, enhanced, text: text.to_owned() };
        assert_eq!(one(bytes), Ok(Some(wanted)), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn garbage() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\n"[..],
        b"\r\n",
        b"25\r\n",
        b"199 low\r\n",
        b"600 high\r\n",
        b"250_ok\r\n",
        b"2500 ok\r\n",
        b"250-a\r\n251 b\r\n",
        b"\x16\x03\x01\n",
    ] {
        assert!(one(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn bounds() {
    let line = |length: usize| [b"250 ".as_slice(), &vec![b'x'; length - 4], b"\r\n"].concat();
    assert!(one(&line(4096)).is_ok_and(|reply| reply.is_some()));
    assert!(one(&line(4098)).is_err());
    assert!(one(&vec![b'2'; 5000]).is_err(), "no line end in sight");

    let lines = |count: usize| [b"250-x\r\n".repeat(count - 1), b"250 x\r\n".to_vec()].concat();
    assert!(one(&lines(256)).is_ok_and(|reply| reply.is_some()));
    assert!(one(&lines(257)).is_err());
    assert!(one(&[b"250-".as_slice(), &[b'x'; 4000], b"\r\n"].concat().repeat(20)).is_err());
}

#[test]
fn replies_of_one_flight_are_taken_one_by_one() {
    let read = read_all(b"250 a\r\n550 b\r\n354 c\r\n25", 100);
    let codes: Vec<u16> = read.iter().map(|reply| reply.as_ref().unwrap().as_ref().unwrap().code).collect();
    assert_eq!(codes, [250, 550, 354]);
}

proptest! {
    #[test]
    fn any_bytes_and_any_split_give_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..300), chunk in 1usize..40) {
        prop_assert_eq!(read_all(&bytes, chunk), read_all(&bytes, usize::MAX));
    }

    #[test]
    fn nearly_replies_and_any_split_give_the_same(text in "([2-5][0-9]{2}[ -]?[ -~é]{0,20}\r?\n){0,8}", chunk in 1usize..40) {
        prop_assert_eq!(read_all(text.as_bytes(), chunk), read_all(text.as_bytes(), usize::MAX));
    }
}
