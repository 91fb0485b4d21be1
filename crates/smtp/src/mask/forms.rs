//! Credentials in every form in which a server may repeat them.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::Credentials;
use crate::reply::normalized;
use crate::reply_words::is_ordinary;

/// The replacement for a credential.
const REDACTED: &str = "[hidden]";

/// The shortest base64 text that counts as a part of what we sent.
pub(super) const MIN_RUN: usize = 8;

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

/// The credentials in every form in which they are sent.
///
/// They are compared after compatibility normalisation (NFKC) and without invisible characters, in any ASCII case.
#[derive(Default)]
pub(super) struct Forms {
    /// What is hidden as it is.
    plain: Vec<Zeroizing<String>>,
    /// What is hidden in base64, encoded.
    encoded: Vec<Zeroizing<String>>,
    /// What is hidden in any base64 that holds it.
    decoded: Vec<Zeroizing<String>>,
}

impl Forms {
    /// Hides this login.
    pub(super) fn hide_login(&mut self, credentials: &Credentials) {
        let password = credentials.secret.expose_secret();
        let name = &credentials.username;
        self.hide(password);
        if name.len() >= MIN_NAME {
            self.hide(name);
        }
        if !password.is_empty() {
            self.hide_encoded(Zeroizing::new(format!("\0{name}\0{password}")).as_bytes());
        }
    }

    /// Hides this response to a challenge: its words, and its base64 form.
    pub(super) fn hide_response(&mut self, response: &[u8]) {
        self.hide_encoded(response);
        let response = Zeroizing::new(String::from_utf8_lossy(response).into_owned());
        response
            .split_ascii_whitespace()
            .filter(|word| word.len() >= MIN_RUN)
            .for_each(|word| self.hide_plain(word));
    }

    /// The longer first, so that nothing of it is left if it contains the shorter one.
    pub(super) fn sort(&mut self) {
        self.plain.sort_by_key(|text| std::cmp::Reverse(text.len()));
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
        }
    }

    fn hide_encoded(&mut self, secret: &[u8]) {
        self.encoded.push(Zeroizing::new(STANDARD_NO_PAD.encode(secret)));
    }

    /// A text without credentials. Where there is none it stays as it is.
    pub(super) fn redact_text(&self, text: &str) -> String {
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
