//! Logs in (RFC 4954): which mechanism, and what it answers to which challenge.
//!
//! PLAIN, LOGIN and CRAM-MD5 are a few lines each; a SASL framework for them would be longer than they are.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use secrecy::ExposeSecret;
use tracing::debug;

use crate::reply::quote;
use crate::wire::Wire;
use crate::{Cause, Credentials, Offers, Phase, Reply, Trouble};

/// The longest command line that may carry an initial response (RFC 4954, section 4).
const LINE_LIMIT: usize = 512;

/// How much of a server's list of mechanisms is quoted, in characters.
const OFFERED: usize = 120;

/// A login mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// Name and password, each asked for; never a standard, and widespread.
    Login,
    /// RFC 2195: the password itself does not travel.
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

/// Chooses among what a server offers. Under TLS the simple ones come first; without it, the one that hides the password.
pub fn choose(offers: &Offers, under_tls: bool) -> Option<Mechanism> {
    let order = match under_tls {
        true => [Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5],
        false => [Mechanism::CramMd5, Mechanism::Plain, Mechanism::Login],
    };
    order.into_iter().find(|mechanism| offers.mechanisms.iter().any(|offered| offered == mechanism.name()))
}

/// Logs in once; a refusal is not followed by another mechanism, because accounts lock.
pub(crate) async fn log_in(
    wire: &mut Wire,
    offers: &Offers,
    credentials: &Credentials,
    within: Duration,
) -> Result<(), Trouble> {
    let trouble = |cause| Trouble::new(Phase::Auth, cause);
    let Some(mechanism) = choose(offers, wire.tls_version().is_some()) else {
        let offered = if offers.mechanisms.is_empty() {
            "none".to_owned()
        } else {
            quote(&offers.mechanisms.join(", "), OFFERED)
        };
        return Err(trouble(Cause::NoMechanism(offered)));
    };
    let result = converse(wire, mechanism, credentials, within).await.map_err(trouble);
    debug!(mechanism = mechanism.name(), accepted = result.is_ok(), "login");
    result
}

async fn converse(
    wire: &mut Wire,
    mechanism: Mechanism,
    credentials: &Credentials,
    within: Duration,
) -> Result<(), Cause> {
    wire.send(&opening(mechanism, credentials), within).await?;
    // Two challenges are the most that any of the three asks.
    for round in 0..3 {
        let reply = wire.read_reply(within).await?;
        match reply.code {
            334 => {}
            _ if reply.is_positive() => return Ok(()),
            _ => return Err(Cause::Reply(reply)),
        }
        let Some(answer) = answer(mechanism, credentials, round, &reply) else {
            return Err(Cause::Reply(reply));
        };
        // A digest can be tried against guesses of the password, so an echo of it is hidden, too.
        wire.hide(&answer);
        wire.send(format!("{}\r\n", STANDARD.encode(answer)).as_bytes(), within).await?;
    }
    Err(Cause::Garbage("the login does not come to an end".to_owned()))
}

/// The AUTH command: with the response in it for PLAIN, unless the line grows too long.
fn opening(mechanism: Mechanism, credentials: &Credentials) -> Vec<u8> {
    let name = mechanism.name();
    let bare = format!("AUTH {name}\r\n");
    if mechanism != Mechanism::Plain {
        return bare.into_bytes();
    }
    let line = format!("AUTH {name} {}\r\n", STANDARD.encode(plain(credentials)));
    if line.len() > LINE_LIMIT { bare.into_bytes() } else { line.into_bytes() }
}

/// What answers the challenge of this round (from 0). `None`: there is no answer to it.
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
    use super::{Mechanism, answer, choose, cram_md5, opening};
    use crate::{Credentials, Offers, Reply};

    fn credentials(name: &str, password: &str) -> Credentials {
        Credentials { username: name.to_owned(), password: password.to_owned().into() }
    }

    #[test]
    fn the_choice_depends_on_tls() {
        let offers = |list: &[&str]| Offers {
            mechanisms: list.iter().map(|m| (*m).to_owned()).collect(),
            ..Offers::default()
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
            assert_eq!(choose(&offers(list), tls), chosen, "{list:?} {tls}");
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
        assert_eq!(opening(Mechanism::Plain, &long), b"AUTH PLAIN\r\n");
        let challenge = Reply { code: 334, enhanced: None, text: String::new() };
        assert!(answer(Mechanism::Plain, &long, 0, &challenge).is_some());
        assert!(answer(Mechanism::Plain, &long, 1, &challenge).is_none());
        assert_eq!(opening(Mechanism::Plain, &credentials("ada", "pw")), b"AUTH PLAIN AGFkYQBwdw==\r\n");
    }
}
