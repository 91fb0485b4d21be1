//! Keeps credentials out of what a server says: some echo what they were sent.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::ExposeSecret;

use crate::{Credentials, Reply};

/// What stands in place of a credential.
const BLANK: &str = "[hidden]";
/// The shortest run of base64 that is taken for a part of what we sent.
const RUN: usize = 8;

/// The shortest name that is hidden, in bytes.
const NAME: usize = 3;

/// What must not be shown: the login in the clear and in the forms in which it went out. It cannot be printed.
#[derive(Clone, Default)]
pub(crate) struct Mask {
    plain: Vec<String>,
    encoded: Vec<String>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(…)")
    }
}

impl Mask {
    /// Hides a login.
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let password = credentials.password.expose_secret();
        let name = &credentials.username;
        let joined = format!("\0{name}\0{password}");
        let mut plain = vec![password.to_owned()];
        // A shorter name is not worth the words that would go with it.
        if name.len() >= NAME {
            plain.push(name.clone());
        }
        plain.retain(|text| !text.is_empty());
        // The longer first, so that no part of it is left where the shorter one is contained in it.
        plain.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let encoded = plain.iter().chain([&joined]);
        let encoded = encoded.map(|text| STANDARD_NO_PAD.encode(text)).collect();
        Self { plain, encoded }
    }

    /// Hides an answer to a challenge, as a whole, in its words, and in the form in which it goes out.
    pub(crate) fn add(&mut self, answer: &[u8]) {
        self.encoded.push(STANDARD_NO_PAD.encode(answer));
        let answer = String::from_utf8_lossy(answer);
        let words = answer.split_ascii_whitespace().filter(|word| word.len() >= RUN);
        self.plain.extend(words.map(str::to_owned));
    }

    /// A reply without credentials.
    pub(crate) fn clear(&self, reply: Reply) -> Reply {
        if self.plain.is_empty() && self.encoded.is_empty() {
            return reply;
        }
        Reply { text: self.clear_text(&reply.text), ..reply }
    }

    /// A text without credentials.
    pub(crate) fn clear_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.plain {
            text = text.replace(secret.as_str(), BLANK);
        }
        self.clear_encoded(&text)
    }

    /// Blanks words of base64 that hold what we sent, or are a part of it.
    fn clear_encoded(&self, text: &str) -> String {
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
        let mut clear = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !is_base64(c)).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            let hidden = self.gives_away(word);
            clear.push_str(if hidden { BLANK } else { word });
            let gap = tail.find(is_base64).unwrap_or(tail.len());
            // The padding would tell the length.
            clear.push_str(if hidden { tail[..gap].trim_start_matches('=') } else { &tail[..gap] });
            rest = &tail[gap..];
        }
        clear
    }

    fn gives_away(&self, word: &str) -> bool {
        let holds =
            |ours: &String| word.contains(ours.as_str()) || (word.len() >= RUN && ours.contains(word));
        !word.is_empty() && self.encoded.iter().any(holds)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::Mask;
    use crate::{Credentials, Reply};

    #[test]
    fn every_form_of_a_login_is_hidden() {
        let mask = Mask::of(&Credentials {
            username: "ada@example.org".into(),
            password: "s3cret pass".to_owned().into(),
        });
        let plain = STANDARD.encode("\0ada@example.org\0s3cret pass");
        for said in [
            "no such login ada@example.org / s3cret pass".to_owned(),
            format!("bad command AUTH PLAIN {plain}"),
            format!("bad command AUTH PLAIN {}", &plain[..20]),
            format!("bad ({})", STANDARD.encode("s3cret pass")),
            format!("bad <{}>", STANDARD.encode("ada@example.org")),
        ] {
            let shown = mask.clear(Reply { code: 535, enhanced: None, text: said.clone() }).text;
            assert!(shown.contains("[hidden]"), "{said}");
            for secret in ["s3cret", "ada@", &plain[..20], &STANDARD.encode("s3cret")[..7]] {
                assert!(!shown.contains(secret), "{said} -> {shown}");
            }
        }
        assert_eq!(mask.clear_text("Authentication failed, try later"), "Authentication failed, try later");
        assert_eq!(format!("{mask:?}"), "Mask(…)");
    }
}
