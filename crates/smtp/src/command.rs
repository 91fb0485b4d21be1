//! Writes commands. Nothing here can write a second command: names and paths were checked, the rest is our own text.

use std::net::IpAddr;

use crate::{Envelope, Offers, Path};

/// What MAIL declares about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// Size in bytes (RFC 1870).
    pub size: u64,
    /// The content has 8-bit bytes (RFC 6152).
    pub eight_bit: bool,
    /// A header or an address needs SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
}

/// EHLO, or HELO where the server knows no better.
pub fn hello(verb: &str, name: &str) -> Vec<u8> {
    format!("{verb} {name}\r\n").into_bytes()
}

/// The name for EHLO: `configured` where it is one word of printable ASCII, else an address literal (RFC 5321, section 4.1.3).
pub fn hello_name(configured: Option<&str>, own: IpAddr) -> String {
    match configured {
        Some(name) if !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()) => name.to_owned(),
        _ => match own.to_canonical() {
            IpAddr::V4(v4) => format!("[{v4}]"),
            IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
        },
    }
}

/// MAIL, with the parameters that the server offers and the message needs.
pub fn mail(out: &mut Vec<u8>, envelope: &Envelope, declared: Declared, offers: &Offers) {
    out.extend_from_slice(b"MAIL FROM:<");
    out.extend_from_slice(envelope.sender.as_ref().map_or("", Path::as_str).as_bytes());
    out.push(b'>');
    if offers.size {
        out.extend_from_slice(format!(" SIZE={}", declared.size).as_bytes());
    }
    if declared.eight_bit && offers.eight_bit_mime {
        out.extend_from_slice(b" BODY=8BITMIME");
    }
    if declared.smtputf8 && offers.smtputf8 {
        out.extend_from_slice(b" SMTPUTF8");
    }
    out.extend_from_slice(b"\r\n");
}

/// RCPT for one recipient.
pub fn rcpt(out: &mut Vec<u8>, recipient: &Path) {
    out.extend_from_slice(b"RCPT TO:<");
    out.extend_from_slice(recipient.as_str().as_bytes());
    out.extend_from_slice(b">\r\n");
}

#[cfg(test)]
mod tests {
    use super::{Declared, hello_name, mail, rcpt};
    use crate::{Envelope, Offers, Path};

    fn written(sender: Option<&str>, declared: Declared, offers: &Offers) -> String {
        let envelope = Envelope { sender: sender.map(|s| Path::new(s).unwrap()), recipients: Vec::new() };
        let mut out = Vec::new();
        mail(&mut out, &envelope, declared, offers);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn mail_declares_only_what_is_needed_and_offered() {
        let all = Offers { size: true, eight_bit_mime: true, smtputf8: true, ..Offers::default() };
        let plain = Declared { size: 7, eight_bit: false, smtputf8: false };
        let much = Declared { size: 7, eight_bit: true, smtputf8: true };
        for (sender, declared, offers, line) in [
            (Some("a@x.org"), plain, &Offers::default(), "MAIL FROM:<a@x.org>\r\n"),
            (Some("a@x.org"), much, &Offers::default(), "MAIL FROM:<a@x.org>\r\n"),
            (Some("a@x.org"), plain, &all, "MAIL FROM:<a@x.org> SIZE=7\r\n"),
            (Some("ü@x.org"), much, &all, "MAIL FROM:<ü@x.org> SIZE=7 BODY=8BITMIME SMTPUTF8\r\n"),
            (None, plain, &all, "MAIL FROM:<> SIZE=7\r\n"),
        ] {
            assert_eq!(written(sender, declared, offers), line);
        }
    }

    #[test]
    fn rcpt_is_one_line() {
        let mut out = Vec::new();
        rcpt(&mut out, &Path::new("\"a b\"@x.org").unwrap());
        assert_eq!(out, b"RCPT TO:<\"a b\"@x.org>\r\n");
    }

    #[test]
    fn hello_names() {
        for (configured, own, name) in [
            (Some("mail.example.org"), "127.0.0.1", "mail.example.org"),
            (None, "127.0.0.1", "[127.0.0.1]"),
            (None, "::1", "[IPv6:::1]"),
            (None, "::ffff:192.0.2.1", "[192.0.2.1]"),
            (Some("a\r\nMAIL"), "192.0.2.1", "[192.0.2.1]"),
            (Some(""), "192.0.2.1", "[192.0.2.1]"),
        ] {
            assert_eq!(hello_name(configured, own.parse().unwrap()), name);
        }
    }
}
