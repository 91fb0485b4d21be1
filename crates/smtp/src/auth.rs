//! SMTP AUTH (RFC 4954): asks for the credentials and takes a mechanism's exchange with the server to its end.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tracing::debug;
use zeroize::Zeroizing;

use crate::mask::Mask;
use crate::mechanism::{self, Login, Mechanism};
use crate::params::SecretKind;
use crate::reply::quote;
use crate::wire::Wire;
use crate::{
    CredentialSource, Credentials, EnhancedCode, Error, ErrorKind, Extensions, Phase, Reply, ServerParams,
    Wanted,
};

/// The longest command line that may carry an initial response (RFC 4954, section 4).
const LINE_LIMIT: usize = 512;

/// How much of a server's list of mechanisms is quoted, in characters.
const MECHANISMS_QUOTE_LIMIT: usize = 120;

/// More challenges than any mechanism has.
const MAX_CHALLENGES: usize = 3;

const NOT_PROVED: &str = "in the SCRAM login it did not prove that it knows the password";

/// Logs in. A refused password is final, because accounts get locked; after a refused token one new token is tried.
pub(crate) async fn log_in(
    wire: &mut Wire,
    extensions: &Extensions,
    server: &ServerParams,
    source: &dyn CredentialSource,
) -> Result<(), Error> {
    let error = |kind| Error::new(Phase::Auth, kind);
    let get = async |wanted| {
        let credentials = source.credentials(wanted).await;
        credentials.map_err(|failure| error(ErrorKind::NoCredentials(failure)))
    };
    let current = get(Wanted::Current).await?;
    let end = try_mechanisms(wire, extensions, server, &current).await;
    let Some(refused) = refused_token(&end, &current) else {
        return end.map_err(error);
    };
    let renewed = get(Wanted::InsteadOf(&current)).await?;
    if renewed.has_secret(&current.secret) {
        return Err(error(refused));
    }
    debug!("a new token is tried");
    let end = try_mechanisms(wire, extensions, server, &renewed).await;
    match refused_token(&end, &renewed) {
        Some(refused) => Err(error(refused)),
        None => end.map_err(error),
    }
}

/// The error that an access token was refused, if it was. It may have expired, so unlike a refused password it can be
/// tried again later, and no account is locked.
fn refused_token(end: &Result<(), ErrorKind>, credentials: &Credentials) -> Option<ErrorKind> {
    match end {
        Err(ErrorKind::Reply(reply)) if credentials.kind == SecretKind::Token && reply.code == 535 => {
            Some(ErrorKind::TokenRefused(reply.clone()))
        }
        _ => None,
    }
}

/// Tries one mechanism after the other, as long as the server refuses only the mechanism.
async fn try_mechanisms(
    wire: &mut Wire,
    extensions: &Extensions,
    server: &ServerParams,
    credentials: &Credentials,
) -> Result<(), ErrorKind> {
    wire.add_mask(Mask::of(credentials));
    let offered = &extensions.mechanisms;
    let names = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
    let mut result = Err(ErrorKind::NoMechanism(quote(&names, MECHANISMS_QUOTE_LIMIT)));
    for mechanism in mechanism::usable(offered, wire.tls_version().is_some(), credentials.kind) {
        let login = Login { credentials: credentials.clone(), host: server.host.clone(), port: server.port };
        let mut has_answered = false;
        result = exchange(wire, mechanism, login, server.limits.command, &mut has_answered).await;
        debug!(mechanism = mechanism.name, accepted = result.is_ok(), "login");
        // Without an answer of ours, a refused login is a refused mechanism, too.
        let is_about_the_mechanism = |reply: &Reply| {
            refuses_the_mechanism(reply) || (!has_answered && matches!(reply.code, 534 | 535))
        };
        if !matches!(&result, Err(ErrorKind::Reply(reply)) if is_about_the_mechanism(reply)) {
            break;
        }
    }
    result
}

/// The server does not know the mechanism, or finds it too weak (RFC 4954, sections 4 and 6); it says nothing about the
/// password.
fn refuses_the_mechanism(reply: &Reply) -> bool {
    const TOO_WEAK: EnhancedCode = EnhancedCode { class: 5, subject: 7, detail: 9 };
    matches!(reply.code, 500..=504) || (reply.code == 534 && reply.enhanced == Some(TOO_WEAK))
}

async fn exchange(
    wire: &mut Wire,
    mechanism: &Mechanism,
    login: Login,
    within: Duration,
    has_answered: &mut bool,
) -> Result<(), ErrorKind> {
    let is_token = login.credentials.kind == SecretKind::Token;
    let mut exchange = (mechanism.start)(login);
    let initial = if mechanism.is_client_first { exchange.respond("") } else { None };
    if let Some(initial) = &initial {
        wire.mask(initial);
        *has_answered = true;
    }
    let mut explanation = None;
    wire.send(&auth_command(mechanism.name, initial.as_ref().map(|initial| &***initial)), within).await?;
    for _ in 0..MAX_CHALLENGES {
        let reply = wire.read_reply(within).await?;
        match reply.code {
            334 => {}
            _ if reply.is_positive() && exchange.is_complete() => return Ok(()),
            _ if reply.is_positive() => return Err(ErrorKind::Garbage(NOT_PROVED.to_owned())),
            _ => return Err(ErrorKind::Reply(explained(reply, explanation))),
        }
        if is_token {
            // What a server says of a token that it refuses, before it refuses the login.
            explanation = STANDARD.decode(reply.text.trim()).ok().map(|text| wire.redact(&text));
        }
        let Some(response) = exchange.respond(&reply.text) else {
            cancel(wire, within).await;
            let is_unproved = !exchange.is_complete();
            return Err(if is_unproved {
                ErrorKind::Garbage(NOT_PROVED.to_owned())
            } else {
                ErrorKind::Reply(reply)
            });
        };
        // A digest allows offline guessing of the password, so an echo of it is redacted, too.
        wire.mask(&response);
        *has_answered = true;
        let line = Zeroizing::new(format!("{}\r\n", *Zeroizing::new(STANDARD.encode(&*response))));
        wire.send(line.as_bytes(), within).await?;
    }
    Err(ErrorKind::Garbage("the login exchange does not end".to_owned()))
}

/// Cancels the login at a challenge that has no response (RFC 4954, section 4), so that the server goes on.
async fn cancel(wire: &mut Wire, within: Duration) {
    if wire.send(b"*\r\n", within).await.is_ok() {
        let _ = wire.read_reply(within).await;
    }
}

/// The reply, with the server's explanation.
fn explained(reply: Reply, explanation: Option<String>) -> Reply {
    match explanation.filter(|explanation| !explanation.is_empty()) {
        None => reply,
        Some(explanation) => Reply { text: format!("{} ({explanation})", reply.text), ..reply },
    }
}

/// The AUTH command with the initial response, unless the line becomes too long: then the server asks for it.
fn auth_command(name: &str, initial: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let encoded = initial.map(|initial| Zeroizing::new(STANDARD.encode(initial)));
    let with_initial =
        encoded.map(|encoded| Zeroizing::new(format!("AUTH {name} {}\r\n", *encoded).into_bytes()));
    let line = with_initial.filter(|line| line.len() <= LINE_LIMIT);
    line.unwrap_or_else(|| Zeroizing::new(format!("AUTH {name}\r\n").into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::auth_command;

    #[test]
    fn a_long_response_waits_for_its_challenge() {
        assert_eq!(*auth_command("PLAIN", Some(&[b'x'; 600])), b"AUTH PLAIN\r\n");
        assert_eq!(*auth_command("PLAIN", Some(b"\0ada\0pw")), b"AUTH PLAIN AGFkYQBwdw==\r\n");
        assert_eq!(*auth_command("LOGIN", None), b"AUTH LOGIN\r\n");
    }
}
