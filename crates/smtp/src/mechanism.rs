//! The login mechanisms (SASL, RFC 4422): each login is a small state machine that answers one challenge after the other.
//!
//! A mechanism is a row of [`MECHANISMS`] and its [`Exchange`]; nothing else knows it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::Credentials;
use crate::exchange::Exchange;
use crate::params::SecretKind;
use crate::scram::Scram;

/// What a login is made with.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) credentials: Credentials,
    /// The server, as OAUTHBEARER names it.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A login mechanism.
#[derive(Debug)]
pub(crate) struct Mechanism {
    /// The name on the wire.
    pub(crate) name: &'static str,
    /// The client speaks first: its response may come with AUTH (RFC 4954, section 4).
    pub(crate) is_client_first: bool,
    /// The secret that it needs.
    takes: SecretKind,
    /// The password itself is not sent.
    hides_password: bool,
    /// Begins a login.
    pub(crate) start: fn(Login) -> Box<dyn Exchange>,
}

/// In the order of preference under TLS.
static MECHANISMS: [Mechanism; 7] = [
    // Google's and Microsoft's, before there was a standard.
    Mechanism {
        name: "XOAUTH2",
        is_client_first: true,
        takes: SecretKind::Token,
        hides_password: false,
        start: |login| Box::new(Xoauth2 { login, rounds: 0 }),
    },
    // RFC 7628.
    Mechanism {
        name: "OAUTHBEARER",
        is_client_first: true,
        takes: SecretKind::Token,
        hides_password: false,
        start: |login| Box::new(OauthBearer { login, rounds: 0 }),
    },
    // RFC 4616.
    Mechanism {
        name: "PLAIN",
        is_client_first: true,
        takes: SecretKind::Password,
        hides_password: false,
        start: |login| Box::new(Plain { credentials: login.credentials, rounds: 0 }),
    },
    // Never standardised, but common: user name and password, each prompted for.
    Mechanism {
        name: "LOGIN",
        is_client_first: false,
        takes: SecretKind::Password,
        hides_password: false,
        start: |login| Box::new(LoginPrompts { credentials: login.credentials, rounds: 0 }),
    },
    // RFC 7677. After PLAIN, which takes one round trip instead of three and which a server can always check.
    Mechanism {
        name: "SCRAM-SHA-256",
        is_client_first: true,
        takes: SecretKind::Password,
        hides_password: true,
        start: |login| Box::new(Scram::new("SCRAM-SHA-256", login.credentials)),
    },
    // RFC 5802.
    Mechanism {
        name: "SCRAM-SHA-1",
        is_client_first: true,
        takes: SecretKind::Password,
        hides_password: true,
        start: |login| Box::new(Scram::new("SCRAM-SHA-1", login.credentials)),
    },
    // RFC 2195.
    Mechanism {
        name: "CRAM-MD5",
        is_client_first: false,
        takes: SecretKind::Password,
        hides_password: true,
        start: |login| Box::new(CramMd5(Some(login.credentials))),
    },
];

/// Those that the server offers and that take such a secret, the best first: without TLS those that do not send the
/// password.
pub(crate) fn usable(offered: &[String], under_tls: bool, kind: SecretKind) -> Vec<&'static Mechanism> {
    let is_offered = |mechanism: &&Mechanism| offered.iter().any(|name| name == mechanism.name);
    let mut usable: Vec<_> = MECHANISMS.iter().filter(is_offered).filter(|one| one.takes == kind).collect();
    usable.sort_by_key(|mechanism| !under_tls && !mechanism.hides_password);
    usable
}

/// A response, wiped from memory when it is dropped.
fn wiped(response: String) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(response.into_bytes())
}

struct Xoauth2 {
    login: Login,
    rounds: usize,
}

impl Exchange for Xoauth2 {
    /// The token, and an empty response to the challenge that explains a refusal.
    fn respond(&mut self, _: &str) -> Option<Zeroizing<Vec<u8>>> {
        let Credentials { username, secret, .. } = &self.login.credentials;
        self.rounds += 1;
        match self.rounds {
            1 => Some(wiped(format!("user={username}\x01auth=Bearer {}\x01\x01", secret.expose_secret()))),
            2 => Some(wiped(String::new())),
            _ => None,
        }
    }
}

struct OauthBearer {
    login: Login,
    rounds: usize,
}

impl Exchange for OauthBearer {
    /// The token, and a lone separator to the challenge that explains a refusal (RFC 7628, section 3.2.3).
    fn respond(&mut self, _: &str) -> Option<Zeroizing<Vec<u8>>> {
        let Login { credentials: Credentials { username, secret, .. }, host, port } = &self.login;
        self.rounds += 1;
        match self.rounds {
            1 => {
                // A comma and an equals sign have a meaning there (RFC 5801, section 4).
                let user = username.replace('=', "=3D").replace(',', "=2C");
                let token = secret.expose_secret();
                let response =
                    format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01");
                Some(wiped(response))
            }
            2 => Some(wiped("\x01".to_owned())),
            _ => None,
        }
    }
}

struct Plain {
    credentials: Credentials,
    rounds: usize,
}

impl Exchange for Plain {
    /// With AUTH, and once more: some servers ask again for what came with AUTH.
    fn respond(&mut self, _: &str) -> Option<Zeroizing<Vec<u8>>> {
        let Credentials { username, secret, .. } = &self.credentials;
        self.rounds += 1;
        (self.rounds <= 2).then(|| wiped(format!("\0{username}\0{}", secret.expose_secret())))
    }
}

struct LoginPrompts {
    credentials: Credentials,
    rounds: usize,
}

impl Exchange for LoginPrompts {
    fn respond(&mut self, _: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.rounds += 1;
        match self.rounds {
            1 => Some(wiped(self.credentials.username.clone())),
            2 => Some(wiped(self.credentials.secret.expose_secret().to_owned())),
            _ => None,
        }
    }
}

/// The credentials until the challenge came.
struct CramMd5(Option<Credentials>);

impl Exchange for CramMd5 {
    fn respond(&mut self, challenge: &str) -> Option<Zeroizing<Vec<u8>>> {
        let Credentials { username, secret, .. } = self.0.take()?;
        let mut mac = Hmac::<Md5>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
        mac.update(&STANDARD.decode(challenge.trim()).ok()?);
        let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(wiped(format!("{username} {digest}")))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::{Login, usable};
    use crate::Credentials;
    use crate::params::SecretKind::{self, Password, Token};

    fn names(offered: &[&str], under_tls: bool, kind: SecretKind) -> Vec<&'static str> {
        let offered: Vec<_> = offered.iter().map(|name| (*name).to_owned()).collect();
        usable(&offered, under_tls, kind).into_iter().map(|mechanism| mechanism.name).collect()
    }

    fn responses(name: &str, credentials: Credentials, challenges: &[&str]) -> Vec<Option<Vec<u8>>> {
        let mechanism = usable(&[name.to_owned()], true, credentials.kind)[0];
        let login = Login { credentials, host: "mx.example.org".to_owned(), port: 587 };
        let mut exchange = (mechanism.start)(login);
        challenges
            .iter()
            .map(|challenge| exchange.respond(challenge).map(|response| response.to_vec()))
            .collect()
    }

    #[test]
    fn the_choice_depends_on_tls_and_on_the_secret() {
        let all = ["CRAM-MD5", "LOGIN", "PLAIN", "OAUTHBEARER", "XOAUTH2", "GSSAPI"];
        for (offered, tls, kind, chosen) in [
            (&all[..], true, Password, &["PLAIN", "LOGIN", "CRAM-MD5"][..]),
            (&all, false, Password, &["CRAM-MD5", "PLAIN", "LOGIN"]),
            (&all, true, Token, &["XOAUTH2", "OAUTHBEARER"]),
            (&["CRAM-MD5", "LOGIN"], true, Password, &["LOGIN", "CRAM-MD5"]),
            (
                &["SCRAM-SHA-1", "CRAM-MD5", "SCRAM-SHA-256", "PLAIN"],
                true,
                Password,
                &["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"],
            ),
            (
                &["SCRAM-SHA-1", "CRAM-MD5", "SCRAM-SHA-256-PLUS", "PLAIN"],
                false,
                Password,
                &["SCRAM-SHA-1", "CRAM-MD5", "PLAIN"],
            ),
            (&["XOAUTH2", "GSSAPI"], true, Password, &[]),
            (&["PLAIN"], true, Token, &[]),
            (&[], true, Password, &[]),
        ] {
            assert_eq!(names(offered, tls, kind), chosen, "{offered:?} {tls} {kind:?}");
        }
    }

    /// The example of RFC 2195, section 2.
    #[test]
    fn cram_md5_by_the_book() {
        let tim = Credentials::password("tim", "tanstaaftanstaaf".to_owned().into());
        let challenge = STANDARD.encode("<1896.697170952@postoffice.reston.mci.net>");
        let answers = responses("CRAM-MD5", tim, &[&challenge, &challenge]);
        assert_eq!(answers, [Some(b"tim b913a602c7eda7a495b4e6e7334d3890".to_vec()), None]);
    }

    /// The examples of Google's documentation and of RFC 7628, section 4.1, with our server.
    #[test]
    fn tokens_by_the_book() {
        let token = |username: &str| {
            Credentials::token(username, "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg".to_owned().into())
        };
        let xoauth2 = responses("XOAUTH2", token("someuser@example.com"), &["", "e30=", "e30="]);
        let first =
            "user=someuser@example.com\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg\x01\x01";
        assert_eq!(xoauth2, [Some(first.into()), Some(Vec::new()), None]);
        let bearer = responses("OAUTHBEARER", token("a=b,c@example.com"), &["", "e30=", "e30="]);
        let first = "n,a=a=3Db=2Cc@example.com,\x01host=mx.example.org\x01port=587\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg\x01\x01";
        assert_eq!(bearer, [Some(first.into()), Some(b"\x01".to_vec()), None]);
    }
}
