//! Redacts credentials in replies: some servers echo what they were sent.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::{Credentials, Reply};

/// The replacement for a credential.
const REDACTED: &str = "[hidden]";
/// The shortest base64 text that counts as a part of what we sent.
const MIN_RUN: usize = 8;

/// The shortest user name that is redacted, in bytes.
const MIN_NAME: usize = 3;

/// The credentials in every form in which they are sent. It cannot be printed.
#[derive(Clone, Default)]
pub(crate) struct Mask {
    plain: Vec<Zeroizing<String>>,
    encoded: Vec<Zeroizing<String>>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(…)")
    }
}

impl Mask {
    /// Redacts this login.
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let password = credentials.secret.expose_secret();
        let name = &credentials.username;
        let joined = Zeroizing::new(format!("\0{name}\0{password}"));
        let mut plain = vec![Zeroizing::new(password.to_owned())];
        // Redacting a shorter name would redact parts of ordinary words.
        if name.len() >= MIN_NAME {
            plain.push(Zeroizing::new(name.clone()));
        }
        plain.retain(|text| !text.is_empty());
        // The longer first, so that nothing of it is left if it contains the shorter one.
        plain.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let encoded = plain.iter().chain([&joined]);
        let encoded = encoded.map(|text| Zeroizing::new(STANDARD_NO_PAD.encode(&**text))).collect();
        Self { plain, encoded }
    }

    /// Also redacts this response to a challenge: its words, and its base64 form.
    pub(crate) fn add(&mut self, answer: &[u8]) {
        // What is as short is a separator, or known already.
        if answer.len() < MIN_RUN {
            return;
        }
        self.encoded.push(Zeroizing::new(STANDARD_NO_PAD.encode(answer)));
        let answer = Zeroizing::new(String::from_utf8_lossy(answer).into_owned());
        let words = answer.split_ascii_whitespace().filter(|word| word.len() >= MIN_RUN);
        self.plain.extend(words.map(|word| Zeroizing::new(word.to_owned())));
    }

    /// Also redacts what `other` does.
    pub(crate) fn join(&mut self, other: Self) {
        self.plain.extend(other.plain);
        self.encoded.extend(other.encoded);
        self.plain.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// A reply without credentials.
    pub(crate) fn redact(&self, reply: Reply) -> Reply {
        if self.plain.is_empty() && self.encoded.is_empty() {
            return reply;
        }
        Reply { text: self.redact_text(&reply.text), ..reply }
    }

    /// A text without credentials.
    pub(crate) fn redact_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.plain {
            text = text.replace(secret.as_str(), REDACTED);
        }
        self.redact_encoded(&text)
    }

    /// Redacts base64 words that contain what we sent, or are a part of it.
    fn redact_encoded(&self, text: &str) -> String {
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
        let mut clear = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !is_base64(c)).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            let hidden = self.reveals(word);
            clear.push_str(if hidden { REDACTED } else { word });
            let gap = tail.find(is_base64).unwrap_or(tail.len());
            // The padding would reveal the length.
            clear.push_str(if hidden { tail[..gap].trim_start_matches('=') } else { &tail[..gap] });
            rest = &tail[gap..];
        }
        clear
    }

    fn reveals(&self, word: &str) -> bool {
        let holds = |ours: &Zeroizing<String>| {
            word.contains(ours.as_str()) || (word.len() >= MIN_RUN && ours.contains(word))
        };
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
        let mask = Mask::of(&Credentials::password("ada@example.org", "s3cret pass".to_owned().into()));
        let plain = STANDARD.encode("\0ada@example.org\0s3cret pass");
        for said in [
            "no such login ada@example.org / s3cret pass".to_owned(),
            format!("bad command AUTH PLAIN {plain}"),
            format!("bad command AUTH PLAIN {}", &plain[..20]),
            format!("bad ({})", STANDARD.encode("s3cret pass")),
            format!("bad <{}>", STANDARD.encode("ada@example.org")),
        ] {
            let shown = mask.redact(Reply { code: 535, enhanced: None, text: said.clone() }).text;
            assert!(shown.contains("[hidden]"), "{said}");
            for secret in ["s3cret", "ada@", &plain[..20], &STANDARD.encode("s3cret")[..7]] {
                assert!(!shown.contains(secret), "{said} -> {shown}");
            }
        }
        assert_eq!(mask.redact_text("Authentication failed, try later"), "Authentication failed, try later");
        assert_eq!(format!("{mask:?}"), "Mask(…)");
    }
}
