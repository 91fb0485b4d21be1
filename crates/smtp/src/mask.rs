//! Hides credentials in what a server says: some echo what they were sent.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::reply::normalized;
use crate::reply_words::is_ordinary;
use crate::{Credentials, Reply};

/// The replacement for a credential.
const REDACTED: &str = "[hidden]";

/// The shortest base64 text that counts as a part of what we sent.
const MIN_RUN: usize = 8;

/// The shortest user name that is hidden, in bytes: a shorter one is a part of many words.
const MIN_NAME: usize = 3;

/// The shortest secret that is looked for in decoded texts, in bytes: a shorter one occurs by chance.
const MIN_DECODED: usize = 4;

/// Reads what is base64 as far as it goes.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The credentials in every form in which they are sent. It cannot be printed.
///
/// They are compared after compatibility normalisation (NFKC) and without invisible characters, in any ASCII case.
#[derive(Clone, Default)]
pub(crate) struct Mask {
    /// What is hidden as it is.
    plain: Vec<Zeroizing<String>>,
    /// What is hidden in base64, encoded.
    encoded: Vec<Zeroizing<String>>,
    /// What is hidden in any base64 that holds it.
    decoded: Vec<Zeroizing<String>>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(…)")
    }
}

impl Mask {
    /// Hides this login.
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let password = credentials.secret.expose_secret();
        let name = &credentials.username;
        let mut mask = Self::default();
        mask.hide(password);
        if name.len() >= MIN_NAME {
            mask.hide(name);
        }
        if !password.is_empty() {
            mask.hide_encoded(Zeroizing::new(format!("\0{name}\0{password}")).as_bytes());
        }
        mask
    }

    /// Also hides this response to a challenge: its words, and its base64 form.
    pub(crate) fn add(&mut self, answer: &[u8]) {
        // What is as short is a separator, or known already.
        if answer.len() < MIN_RUN {
            return;
        }
        self.hide_encoded(answer);
        let answer = Zeroizing::new(String::from_utf8_lossy(answer).into_owned());
        answer
            .split_ascii_whitespace()
            .filter(|word| word.len() >= MIN_RUN)
            .for_each(|word| self.hide_plain(word));
    }

    /// Also hides what `other` does.
    pub(crate) fn join(&mut self, other: Self) {
        self.plain.extend(other.plain);
        self.encoded.extend(other.encoded);
        self.decoded.extend(other.decoded);
        self.sort();
    }

    fn hide(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        self.hide_plain(secret);
        self.hide_encoded(secret.as_bytes());
        if secret.len() >= MIN_DECODED {
            self.decoded.push(Zeroizing::new(secret.to_owned()));
        }
    }

    /// An ordinary word stays: its absence would confirm it.
    fn hide_plain(&mut self, secret: &str) {
        let mut secret = Zeroizing::new(normalized(secret));
        secret.make_ascii_lowercase();
        if !secret.is_empty() && !is_ordinary(&secret) {
            self.plain.push(secret);
            self.sort();
        }
    }

    fn hide_encoded(&mut self, secret: &[u8]) {
        self.encoded.push(Zeroizing::new(STANDARD_NO_PAD.encode(secret)));
    }

    /// The longer first, so that nothing of it is left if it contains the shorter one.
    fn sort(&mut self) {
        self.plain.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// A reply without credentials.
    pub(crate) fn redact(&self, reply: Reply) -> Reply {
        if self.plain.is_empty() && self.encoded.is_empty() {
            return reply;
        }
        Reply { text: self.redact_text(&reply.text), ..reply }
    }

    /// A text without credentials. Where there is none it stays as it is.
    pub(crate) fn redact_text(&self, text: &str) -> String {
        let plain = normalized(text);
        let shown = self.plain.iter().fold(plain.clone(), |text, secret| without(&text, secret));
        let shown = self.redact_encoded(&shown);
        if shown == plain { text.to_owned() } else { shown }
    }

    /// Hides base64 words that contain what we sent, or are a part of it.
    fn redact_encoded(&self, text: &str) -> String {
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
        let mut clear = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !is_base64(c)).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            let hidden = !word.is_empty() && (self.is_part_of_ours(word) || self.has_ours_inside(word));
            clear.push_str(if hidden { REDACTED } else { word });
            let gap = tail.find(is_base64).unwrap_or(tail.len());
            // The padding would reveal the length.
            clear.push_str(if hidden { tail[..gap].trim_start_matches('=') } else { &tail[..gap] });
            rest = &tail[gap..];
        }
        clear
    }

    fn is_part_of_ours(&self, word: &str) -> bool {
        self.encoded.iter().any(|ours| {
            // Short ones occur within other words.
            let contains_ours =
                if ours.len() < MIN_RUN { word == ours.as_str() } else { word.contains(ours.as_str()) };
            contains_ours || (word.len() >= MIN_RUN && ours.contains(word))
        })
    }

    fn has_ours_inside(&self, word: &str) -> bool {
        let whole = word.len() - usize::from(word.len() % 4 == 1);
        let Ok(bytes) = LENIENT.decode(&word[..whole]) else { return false };
        let bytes = Zeroizing::new(bytes);
        self.decoded.iter().any(|ours| memchr::memmem::find(&bytes, ours.as_bytes()).is_some())
    }
}

/// `text` with each occurrence of `secret`, which is in lower case, replaced. The case of ASCII letters makes no difference.
fn without(text: &str, secret: &str) -> String {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let mut clear = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(at) = lower[rest..].find(secret) {
        clear.push_str(&text[rest..rest + at]);
        clear.push_str(REDACTED);
        rest += at + secret.len();
    }
    clear.push_str(&text[rest..]);
    clear
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::Mask;
    use crate::Credentials;

    fn mask(name: &str, password: &str) -> Mask {
        Mask::of(&Credentials::password(name, password.to_owned().into()))
    }

    #[test]
    fn every_form_of_a_login_is_hidden() {
        let mask = mask("ada@example.org", "s3cret pass");
        let plain = STANDARD.encode("\0ada@example.org\0s3cret pass");
        for said in [
            "no such login ada@example.org / s3cret pass".to_owned(),
            "not S3CRET PASS, Ada@Example.ORG".to_owned(),
            "not s3c\u{200B}ret pa\u{AD}ss".to_owned(),
            "not ｓ３ｃｒｅｔ\u{A0}ｐａｓｓ".to_owned(),
            "not 𝐬𝟑𝐜𝐫𝐞𝐭 𝐩𝐚𝐬𝐬".to_owned(),
            format!("bad command AUTH PLAIN {plain}"),
            format!("bad command AUTH PLAIN {}", &plain[..20]),
            format!("bad ({})", STANDARD.encode("s3cret pass")),
            format!("bad ({})", STANDARD.encode("x: s3cret pass")),
            format!("bad ({})", STANDARD.encode("{\"user\": \"ada@example.org\"}")),
            format!("bad <{}>", STANDARD.encode("ada@example.org")),
        ] {
            let shown = mask.redact_text(&said);
            assert!(shown.contains("[hidden]"), "{said}");
            for secret in ["s3cret", "ada@", &plain[..20], &STANDARD.encode("s3cret")[..7]] {
                assert!(!shown.contains(secret), "{said} -> {shown}");
            }
        }
        for said in ["Authentication failed, try later", "ﬁne ｗｉｄｅ\u{200B}", "=?== 4.7.0 ab+/"] {
            assert_eq!(mask.redact_text(said), said);
        }
        assert_eq!(format!("{mask:?}"), "Mask(…)");
    }

    #[test]
    fn a_password_that_is_in_the_replacement_is_not_found_in_it() {
        let shown = mask("ada@example.org", "hidde").redact_text("no ada@example.org here");
        assert_eq!(shown, "no [hidden] here");
    }

    #[test]
    fn what_is_not_there_tells_nothing() {
        let said = "535 5.7.8 Error: Authentication failed, wrong password for user";
        for password in ["authentication", "Error", "failed", "pass", "e", "Wrong Password", "5.7.8"] {
            let mut mask = mask("user", password);
            mask.add(password.as_bytes());
            assert_eq!(mask.redact_text(said), said, "{password}");
            let encoded = STANDARD.encode(password);
            assert_eq!(mask.redact_text(&format!("not {encoded}")), "not [hidden]", "{password}");
        }
    }
}
