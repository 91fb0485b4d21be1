//! Hides credentials in what a server says: some echo what they were sent.

use std::fmt;
use std::sync::Arc;

use memchr::memmem;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use self::forms::{Forms, MIN_RUN};
use crate::{Credentials, Reply};

mod forms;

/// What is hidden: credentials, and the responses in which they were sent. It cannot be printed, and holds no copy of a password or
/// token, only a share of it: the forms that are looked for are made for each text, and wiped from memory after it.
#[derive(Clone, Default)]
pub(crate) struct Mask {
    credentials: Vec<Credentials>,
    responses: Vec<Response>,
}

/// A response to a challenge, without the secret that is between its parts.
#[derive(Clone)]
struct Response {
    before: Zeroizing<Vec<u8>>,
    secret: Option<Arc<SecretString>>,
    after: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(…)")
    }
}

impl Mask {
    /// Hides this login.
    pub(crate) fn of(credentials: &Credentials) -> Self {
        Self { credentials: vec![credentials.clone()], responses: Vec::new() }
    }

    /// Also hides this response to a challenge.
    pub(crate) fn add(&mut self, response: &[u8]) {
        // What is as short is a separator, or known already.
        if response.len() >= MIN_RUN {
            let secrets = self.credentials.iter().map(|credentials| &credentials.secret);
            self.responses.push(Response::of(response, secrets));
        }
    }

    /// Also hides what `other` does.
    pub(crate) fn join(&mut self, other: Self) {
        for new in other.credentials {
            let is_known = |known: &Credentials| {
                known.username == new.username && Arc::ptr_eq(&known.secret, &new.secret)
            };
            if !self.credentials.iter().any(is_known) {
                self.credentials.push(new);
            }
        }
        self.responses.extend(other.responses);
    }

    /// A reply without credentials.
    pub(crate) fn redact(&self, reply: Reply) -> Reply {
        if self.is_empty() {
            return reply;
        }
        Reply { text: self.forms().redact_text(&reply.text), ..reply }
    }

    /// A text without credentials. Where there is none it stays as it is.
    pub(crate) fn redact_text(&self, text: &str) -> String {
        if self.is_empty() { text.to_owned() } else { self.forms().redact_text(text) }
    }

    fn is_empty(&self) -> bool {
        self.credentials.is_empty() && self.responses.is_empty()
    }

    fn forms(&self) -> Forms {
        let mut forms = Forms::default();
        self.credentials.iter().for_each(|credentials| forms.hide_login(credentials));
        self.responses.iter().for_each(|response| forms.hide_response(&response.whole()));
        forms.sort();
        forms
    }
}

impl Response {
    fn of<'a>(response: &[u8], mut secrets: impl Iterator<Item = &'a Arc<SecretString>>) -> Self {
        let place = |secret: &Arc<SecretString>| match secret.expose_secret() {
            "" => None,
            text => memmem::find(response, text.as_bytes()).map(|at| (at, at + text.len())),
        };
        let found = secrets.find_map(|secret| Some((place(secret)?, Arc::clone(secret))));
        let ((start, end), secret) = match found {
            Some((place, secret)) => (place, Some(secret)),
            None => ((response.len(), response.len()), None),
        };
        let part = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        Self { before: part(&response[..start]), secret, after: part(&response[end..]) }
    }

    fn whole(&self) -> Zeroizing<Vec<u8>> {
        let secret = self.secret.as_ref().map_or("", |secret| secret.expose_secret());
        Zeroizing::new([&self.before, secret.as_bytes(), &self.after].concat())
    }
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
