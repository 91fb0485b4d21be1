//! SMTP AUTH (RFC 4954): choosing a mechanism and responding to its challenges.
//!
//! PLAIN, LOGIN and CRAM-MD5 are a few lines each; a SASL framework would take more code than they do.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use secrecy::ExposeSecret;
use tracing::debug;

use crate::reply::quote;
use crate::wire::Wire;
use crate::{Credentials, Error, ErrorKind, Extensions, Phase, Reply};

/// The longest command line that may carry an initial response (RFC 4954, section 4).
const LINE_LIMIT: usize = 512;

/// How much of a server's list of mechanisms is quoted, in characters.
const MECHANISMS_QUOTE_LIMIT: usize = 120;

/// A login mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// User name and password, each prompted for. Never standardised, but common.
    Login,
    /// RFC 2195: the password itself is not sent.
    CramMd5,
}

impl Mechanism {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
        }
    }
}

/// Chooses one that the server offers: the simple ones first under TLS, CRAM-MD5 first without it.
pub fn choose(extensions: &Extensions, under_tls: bool) -> Option<Mechanism> {
    let order = match under_tls {
        true => [Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5],
        false => [Mechanism::CramMd5, Mechanism::Plain, Mechanism::Login],
    };
    order
        .into_iter()
        .find(|mechanism| extensions.mechanisms.iter().any(|offered| offered == mechanism.name()))
}

/// Logs in once. A refused login is not tried again with another mechanism, because accounts get locked.
pub(crate) async fn log_in(
    wire: &mut Wire,
    extensions: &Extensions,
    credentials: &Credentials,
    within: Duration,
) -> Result<(), Error> {
    let error = |kind| Error::new(Phase::Auth, kind);
    let Some(mechanism) = choose(extensions, wire.tls_version().is_some()) else {
        let offered = if extensions.mechanisms.is_empty() {
            "none".to_owned()
        } else {
            quote(&extensions.mechanisms.join(", "), MECHANISMS_QUOTE_LIMIT)
        };
        return Err(error(ErrorKind::NoMechanism(offered)));
    };
    let result = exchange(wire, mechanism, credentials, within).await.map_err(error);
    debug!(mechanism = mechanism.name(), accepted = result.is_ok(), "login");
    result
}

async fn exchange(
    wire: &mut Wire,
    mechanism: Mechanism,
    credentials: &Credentials,
    within: Duration,
) -> Result<(), ErrorKind> {
    wire.send(&initial_command(mechanism, credentials), within).await?;
    // None of the three has more than two challenges.
    for round in 0..3 {
        let reply = wire.read_reply(within).await?;
        match reply.code {
            334 => {}
            _ if reply.is_positive() => return Ok(()),
            _ => return Err(ErrorKind::Reply(reply)),
        }
        let Some(answer) = answer(mechanism, credentials, round, &reply) else {
            return Err(ErrorKind::Reply(reply));
        };
        // A digest allows offline guessing of the password, so an echo of it is redacted, too.
        wire.mask(&answer);
        wire.send(format!("{}\r\n", STANDARD.encode(answer)).as_bytes(), within).await?;
    }
    Err(ErrorKind::Garbage("the login exchange does not end".to_owned()))
}

/// The AUTH command; for PLAIN with an initial response, unless the line becomes too long.
fn initial_command(mechanism: Mechanism, credentials: &Credentials) -> Vec<u8> {
    let name = mechanism.name();
    let bare = format!("AUTH {name}\r\n");
    if mechanism != Mechanism::Plain {
        return bare.into_bytes();
    }
    let line = format!("AUTH {name} {}\r\n", STANDARD.encode(plain(credentials)));
    if line.len() > LINE_LIMIT { bare.into_bytes() } else { line.into_bytes() }
}

/// The response to the challenge of this round (from 0). `None` if there is none.
fn answer(
    mechanism: Mechanism,
    credentials: &Credentials,
    round: usize,
    challenge: &Reply,
) -> Option<Vec<u8>> {
    match (mechanism, round) {
        (Mechanism::Plain, 0) => Some(plain(credentials)),
        (Mechanism::Login, 0) => Some(credentials.username.clone().into_bytes()),
        (Mechanism::Login, 1) => Some(credentials.password.expose_secret().as_bytes().to_vec()),
        (Mechanism::CramMd5, 0) => cram_md5(credentials, &STANDARD.decode(challenge.text.trim()).ok()?),
        _ => None,
    }
}

fn plain(credentials: &Credentials) -> Vec<u8> {
    format!("\0{}\0{}", credentials.username, credentials.password.expose_secret()).into_bytes()
}

fn cram_md5(credentials: &Credentials, challenge: &[u8]) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Md5>::new_from_slice(credentials.password.expose_secret().as_bytes()).ok()?;
    mac.update(challenge);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{} {digest}", credentials.username).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Mechanism, answer, choose, cram_md5, initial_command};
    use crate::{Credentials, Extensions, Reply};

    fn credentials(name: &str, password: &str) -> Credentials {
        Credentials { username: name.to_owned(), password: password.to_owned().into() }
    }

    #[test]
    fn the_choice_depends_on_tls() {
        let extensions = |list: &[&str]| Extensions {
            mechanisms: list.iter().map(|m| (*m).to_owned()).collect(),
            ..Extensions::default()
        };
        for (list, tls, chosen) in [
            (&["CRAM-MD5", "LOGIN", "PLAIN"][..], true, Some(Mechanism::Plain)),
            (&["CRAM-MD5", "LOGIN"], true, Some(Mechanism::Login)),
            (&["CRAM-MD5"], true, Some(Mechanism::CramMd5)),
            (&["PLAIN", "LOGIN", "CRAM-MD5"], false, Some(Mechanism::CramMd5)),
            (&["LOGIN", "PLAIN"], false, Some(Mechanism::Plain)),
            (&["XOAUTH2", "GSSAPI"], true, None),
            (&[], true, None),
        ] {
            assert_eq!(choose(&extensions(list), tls), chosen, "{list:?} {tls}");
        }
    }

    /// The example of RFC 2195, section 2.
    #[test]
    fn cram_md5_by_the_book() {
        let answer =
            cram_md5(&credentials("tim", "tanstaaftanstaaf"), b"<1896.697170952@postoffice.reston.mci.net>");
        assert_eq!(answer.unwrap(), b"tim b913a602c7eda7a495b4e6e7334d3890");
    }

    #[test]
    fn a_long_response_waits_for_its_challenge() {
        let long = credentials("ada", &"x".repeat(600));
        assert_eq!(initial_command(Mechanism::Plain, &long), b"AUTH PLAIN\r\n");
        let challenge = Reply { code: 334, enhanced: None, text: String::new() };
        assert!(answer(Mechanism::Plain, &long, 0, &challenge).is_some());
        assert!(answer(Mechanism::Plain, &long, 1, &challenge).is_none());
        assert_eq!(
            initial_command(Mechanism::Plain, &credentials("ada", "pw")),
            b"AUTH PLAIN AGFkYQBwdw==\r\n"
        );
    }
}
