//! The service extensions in a server's reply to EHLO (RFC 5321, section 4.1.1.1).

use crate::Reply;
use crate::reply::quote;

/// The number of keywords that are kept, and their length in characters.
const KEYWORDS_LIMIT: usize = 64;
const KEYWORD_LIMIT: usize = 120;

/// The extensions of a server that we use, and its own list for display.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Several commands may be sent before their replies are read (RFC 2920).
    pub pipelining: bool,
    /// The content may be sent as it is, with its length (RFC 3030).
    pub chunking: bool,
    /// MAIL may declare the message's size (RFC 1870).
    pub size: bool,
    /// The largest message in bytes. `None`: no limit was given.
    pub size_limit: Option<u64>,
    /// 8-bit content (RFC 6152).
    pub eight_bit_mime: bool,
    /// Addresses and headers in UTF-8 (RFC 6531).
    pub smtputf8: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// Login mechanisms in upper case (RFC 4954), in the server's order.
    pub mechanisms: Vec<String>,
    /// Every line of the reply after the first, safe to display.
    pub keywords: Vec<String>,
}

impl Extensions {
    /// Parses the reply to EHLO. Unknown extensions are kept as keywords only.
    pub fn read(reply: &Reply) -> Self {
        let mut extensions = Self::default();
        for line in reply.lines().skip(1).take(KEYWORDS_LIMIT) {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            extensions.keywords.push(quote(line, KEYWORD_LIMIT));
            extensions.note(line);
        }
        extensions
    }

    fn note(&mut self, line: &str) {
        // The old form `AUTH=PLAIN LOGIN` (and `AUTH=` before a space) is the only one that some servers send.
        let (keyword, parameters) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
        match keyword.to_ascii_uppercase().as_str() {
            "PIPELINING" => self.pipelining = true,
            "CHUNKING" => self.chunking = true,
            "SIZE" => self.note_size(parameters),
            "8BITMIME" => self.eight_bit_mime = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "STARTTLS" => self.starttls = true,
            "AUTH" => self.note_mechanisms(parameters),
            _ => {}
        }
    }

    /// A limit of 0 means that there is none (RFC 1870, section 4).
    fn note_size(&mut self, parameters: &str) {
        self.size = true;
        let limit = parameters.split_whitespace().next().and_then(|digits| digits.parse().ok());
        self.size_limit = limit.filter(|limit| *limit > 0);
    }

    fn note_mechanisms(&mut self, parameters: &str) {
        let between = |c: char| c == '=' || c.is_whitespace() || c.is_control();
        for mechanism in parameters.split(between) {
            let mechanism = quote(mechanism, 20).to_ascii_uppercase();
            if self.mechanisms.len() == KEYWORDS_LIMIT {
                return;
            }
            if !mechanism.is_empty() && !self.mechanisms.contains(&mechanism) {
                self.mechanisms.push(mechanism);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Extensions;
    use crate::Reply;

    fn extensions(lines: &str) -> Extensions {
        Extensions::read(&Reply { code: 250, enhanced: None, text: format!("mx.example.org hello\n{lines}") })
    }

    #[test]
    fn reads_every_keyword_in_any_case() {
        let all = extensions(
            "pipelining\nSIZE 52428800\n8BitMime\nSMTPUTF8\nSTARTTLS\nCHUNKING\nDSN\nENHANCEDSTATUSCODES\nX-FOO bar",
        );
        assert!(
            all.pipelining && all.chunking && all.size && all.eight_bit_mime && all.smtputf8 && all.starttls
        );
        assert_eq!(all.size_limit, Some(52_428_800));
        assert_eq!(all.keywords.len(), 9);
        assert_eq!(all.keywords[8], "X-FOO bar");
    }

    #[test]
    fn the_first_line_is_a_name_and_no_keyword() {
        let reply = Reply { code: 250, enhanced: None, text: "PIPELINING".to_owned() };
        assert_eq!(Extensions::read(&reply), Extensions::default());
    }

    #[test]
    fn sizes() {
        for (line, limit) in
            [("SIZE", None), ("SIZE 0", None), ("SIZE 10", Some(10)), ("SIZE ten", None), ("SIZE=7", Some(7))]
        {
            let extensions = extensions(line);
            assert!(extensions.size, "{line}");
            assert_eq!(extensions.size_limit, limit, "{line}");
        }
    }

    #[test]
    fn logins_in_both_forms_are_one_list() {
        let both = extensions("AUTH PLAIN login\nAUTH=PLAIN LOGIN CRAM-MD5\nAUTH");
        assert_eq!(both.mechanisms, ["PLAIN", "LOGIN", "CRAM-MD5"]);
        assert_eq!(extensions("AUTH=LOGIN").mechanisms, ["LOGIN"]);
        assert_eq!(extensions("AUTH= LOGIN").mechanisms, ["LOGIN"]);
    }

    #[test]
    fn logins_are_words_and_bounded() {
        assert_eq!(extensions("AUTH A\u{1}B \u{2} \u{200b} C\u{200b}D").mechanisms, ["A", "B", "CD"]);
        let many: String = (0..500).map(|n| format!(" M{n}")).collect();
        assert_eq!(extensions(&format!("AUTH{many}")).mechanisms.len(), 64);
    }

    #[test]
    fn keywords_are_safe_to_show_and_bounded() {
        let hostile = extensions(&format!("X\u{1b}[31m\u{202e}Y\n{}", "Z\n".repeat(500)));
        assert_eq!(hostile.keywords[0], "X [31mY");
        assert!(hostile.keywords.len() <= 64);
    }
}
