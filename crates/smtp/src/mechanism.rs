//! The login mechanisms (SASL, RFC 4422): each login is a small state machine that answers one challenge after the other.
//!
//! A mechanism is a row of [`MECHANISMS`] and its [`Exchange`]; nothing else knows it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use secrecy::ExposeSecret;

use crate::Credentials;

/// One login. It begins with the first challenge, or with the initial response of a mechanism in which the client
/// speaks first.
pub(crate) trait Exchange: Send {
    /// The response to `challenge`, the text of a 334 reply: base64, if the server keeps to the rules. `None`: the mechanism
    /// has no such challenge.
    fn respond(&mut self, challenge: &str) -> Option<Vec<u8>>;
}

/// A login mechanism.
#[derive(Debug)]
pub(crate) struct Mechanism {
    /// The name on the wire.
    pub(crate) name: &'static str,
    /// The client speaks first: its response may come with AUTH (RFC 4954, section 4).
    pub(crate) is_client_first: bool,
    /// The password itself is not sent.
    hides_password: bool,
    /// Begins a login.
    pub(crate) start: fn(Credentials) -> Box<dyn Exchange>,
}

/// In the order of preference under TLS.
static MECHANISMS: [Mechanism; 3] = [
    // RFC 4616.
    Mechanism {
        name: "PLAIN",
        is_client_first: true,
        hides_password: false,
        start: |credentials| Box::new(Plain { credentials, rounds: 0 }),
    },
    // Never standardised, but common: user name and password, each prompted for.
    Mechanism {
        name: "LOGIN",
        is_client_first: false,
        hides_password: false,
        start: |credentials| Box::new(Login { credentials, rounds: 0 }),
    },
    // RFC 2195.
    Mechanism {
        name: "CRAM-MD5",
        is_client_first: false,
        hides_password: true,
        start: |credentials| Box::new(CramMd5(Some(credentials))),
    },
];

/// Chooses one that the server offers: without TLS first those that do not send the password.
pub(crate) fn choose(offered: &[String], under_tls: bool) -> Option<&'static Mechanism> {
    let known = || MECHANISMS.iter().filter(|mechanism| offered.iter().any(|name| name == mechanism.name));
    let hiding = known().find(|mechanism| !under_tls && mechanism.hides_password);
    hiding.or_else(|| known().next())
}

struct Plain {
    credentials: Credentials,
    rounds: usize,
}

impl Exchange for Plain {
    /// With AUTH, and once more: some servers ask again for what came with AUTH.
    fn respond(&mut self, _: &str) -> Option<Vec<u8>> {
        let Credentials { username, password } = &self.credentials;
        self.rounds += 1;
        (self.rounds <= 2).then(|| format!("\0{username}\0{}", password.expose_secret()).into_bytes())
    }
}

struct Login {
    credentials: Credentials,
    rounds: usize,
}

impl Exchange for Login {
    fn respond(&mut self, _: &str) -> Option<Vec<u8>> {
        self.rounds += 1;
        match self.rounds {
            1 => Some(self.credentials.username.clone().into_bytes()),
            2 => Some(self.credentials.password.expose_secret().as_bytes().to_vec()),
            _ => None,
        }
    }
}

/// The credentials until the challenge came.
struct CramMd5(Option<Credentials>);

impl Exchange for CramMd5 {
    fn respond(&mut self, challenge: &str) -> Option<Vec<u8>> {
        let Credentials { username, password } = self.0.take()?;
        let mut mac = Hmac::<Md5>::new_from_slice(password.expose_secret().as_bytes()).ok()?;
        mac.update(&STANDARD.decode(challenge.trim()).ok()?);
        let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("{username} {digest}").into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::choose;
    use crate::Credentials;

    #[test]
    fn the_choice_depends_on_tls() {
        for (offered, tls, chosen) in [
            (&["CRAM-MD5", "LOGIN", "PLAIN"][..], true, Some("PLAIN")),
            (&["CRAM-MD5", "LOGIN"], true, Some("LOGIN")),
            (&["CRAM-MD5"], true, Some("CRAM-MD5")),
            (&["PLAIN", "LOGIN", "CRAM-MD5"], false, Some("CRAM-MD5")),
            (&["LOGIN", "PLAIN"], false, Some("PLAIN")),
            (&["XOAUTH2", "GSSAPI"], true, None),
            (&[], true, None),
        ] {
            let names: Vec<_> = offered.iter().map(|name| (*name).to_owned()).collect();
            let found = choose(&names, tls).map(|mechanism| mechanism.name);
            assert_eq!(found, chosen, "{offered:?} {tls}");
        }
    }

    /// The example of RFC 2195, section 2.
    #[test]
    fn cram_md5_by_the_book() {
        let credentials =
            Credentials { username: "tim".to_owned(), password: "tanstaaftanstaaf".to_owned().into() };
        let mechanism = choose(&["CRAM-MD5".to_owned()], true).unwrap();
        let challenge = STANDARD.encode("<1896.697170952@postoffice.reston.mci.net>");
        let mut exchange = (mechanism.start)(credentials);
        assert_eq!(exchange.respond(&challenge).unwrap(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(exchange.respond(&challenge), None);
    }
}
