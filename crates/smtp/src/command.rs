//! Writes commands. None can contain a second command: names and paths were checked, the rest is constant.

use std::net::IpAddr;

use crate::{Envelope, Extensions, Path};

/// The parameters of MAIL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailParams {
    /// Size in bytes (RFC 1870).
    pub size: u64,
    /// The content has 8-bit bytes (RFC 6152).
    pub eight_bit: bool,
    /// A header or an address needs SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
}

/// EHLO, or HELO if the server does not know EHLO.
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
pub fn mail(out: &mut Vec<u8>, envelope: &Envelope, params: MailParams, extensions: &Extensions) {
    out.extend_from_slice(b"MAIL FROM:<");
    out.extend_from_slice(envelope.sender.as_ref().map_or("", Path::as_str).as_bytes());
    out.push(b'>');
    if extensions.size {
        out.extend_from_slice(format!(" SIZE={}", params.size).as_bytes());
    }
    if params.eight_bit && extensions.eight_bit_mime {
        out.extend_from_slice(b" BODY=8BITMIME");
    }
    if params.smtputf8 && extensions.smtputf8 {
        out.extend_from_slice(b" SMTPUTF8");
    }
    out.extend_from_slice(b"\r\n");
}

/// BDAT for a content of `size` bytes that is sent in one chunk (RFC 3030).
pub fn bdat(size: u64) -> Vec<u8> {
    format!("BDAT {size} LAST\r\n").into_bytes()
}

/// RCPT for one recipient.
pub fn rcpt(out: &mut Vec<u8>, recipient: &Path) {
    out.extend_from_slice(b"RCPT TO:<");
    out.extend_from_slice(recipient.as_str().as_bytes());
    out.extend_from_slice(b">\r\n");
}

#[cfg(test)]
mod tests {
    use super::{MailParams, hello_name, mail, rcpt};
    use crate::{Envelope, Extensions, Path};

    fn written(sender: Option<&str>, params: MailParams, extensions: &Extensions) -> String {
        let envelope = Envelope { sender: sender.map(|s| Path::new(s).unwrap()), recipients: Vec::new() };
        let mut out = Vec::new();
        mail(&mut out, &envelope, params, extensions);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn mail_declares_only_what_is_needed_and_offered() {
        let all = Extensions { size: true, eight_bit_mime: true, smtputf8: true, ..Extensions::default() };
        let plain = MailParams { size: 7, eight_bit: false, smtputf8: false };
        let much = MailParams { size: 7, eight_bit: true, smtputf8: true };
        for (sender, params, extensions, line) in [
            (Some("a@x.org"), plain, &Extensions::default(), "MAIL FROM:<a@x.org>\r\n"),
            (Some("a@x.org"), much, &Extensions::default(), "MAIL FROM:<a@x.org>\r\n"),
            (Some("a@x.org"), plain, &all, "MAIL FROM:<a@x.org> SIZE=7\r\n"),
            (Some("ü@x.org"), much, &all, "MAIL FROM:<ü@x.org> SIZE=7 BODY=8BITMIME SMTPUTF8\r\n"),
            (None, plain, &all, "MAIL FROM:<> SIZE=7\r\n"),
        ] {
            assert_eq!(written(sender, params, extensions), line);
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
