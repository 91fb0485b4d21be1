//! SMTP AUTH (RFC 4954): asks for the credentials and takes a mechanism's exchange with the server to its end.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tracing::debug;

use crate::mask::Mask;
use crate::mechanism::{self, Mechanism};
use crate::reply::quote;
use crate::wire::Wire;
use crate::{CredentialSource, Credentials, Error, ErrorKind, Extensions, Phase};

/// The longest command line that may carry an initial response (RFC 4954, section 4).
const LINE_LIMIT: usize = 512;

/// How much of a server's list of mechanisms is quoted, in characters.
const MECHANISMS_QUOTE_LIMIT: usize = 120;

/// More challenges than any mechanism has.
const MAX_CHALLENGES: usize = 3;

/// Logs in once. A refused login is not tried again with another mechanism, because accounts get locked.
pub(crate) async fn log_in(
    wire: &mut Wire,
    extensions: &Extensions,
    source: &dyn CredentialSource,
    within: Duration,
) -> Result<(), Error> {
    let error = |kind| Error::new(Phase::Auth, kind);
    let offered = &extensions.mechanisms;
    let Some(mechanism) = mechanism::choose(offered, wire.tls_version().is_some()) else {
        let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
        return Err(error(ErrorKind::NoMechanism(quote(&offered, MECHANISMS_QUOTE_LIMIT))));
    };
    let credentials =
        source.credentials().await.map_err(|failure| error(ErrorKind::NoCredentials(failure.0)))?;
    wire.set_mask(Mask::of(&credentials));
    let result = exchange(wire, mechanism, credentials, within).await.map_err(error);
    debug!(mechanism = mechanism.name, accepted = result.is_ok(), "login");
    result
}

async fn exchange(
    wire: &mut Wire,
    mechanism: &Mechanism,
    credentials: Credentials,
    within: Duration,
) -> Result<(), ErrorKind> {
    let mut exchange = (mechanism.start)(credentials);
    let initial = if mechanism.is_client_first { exchange.respond("") } else { None };
    wire.send(&auth_command(mechanism.name, initial.as_deref()), within).await?;
    for _ in 0..MAX_CHALLENGES {
        let reply = wire.read_reply(within).await?;
        match reply.code {
            334 => {}
            _ if reply.is_positive() => return Ok(()),
            _ => return Err(ErrorKind::Reply(reply)),
        }
        let Some(response) = exchange.respond(&reply.text) else {
            return Err(ErrorKind::Reply(reply));
        };
        // A digest allows offline guessing of the password, so an echo of it is redacted, too.
        wire.mask(&response);
        wire.send(format!("{}\r\n", STANDARD.encode(response)).as_bytes(), within).await?;
    }
    Err(ErrorKind::Garbage("the login exchange does not end".to_owned()))
}

/// The AUTH command with the initial response, unless the line becomes too long: then the server asks for it.
fn auth_command(name: &str, initial: Option<&[u8]>) -> Vec<u8> {
    let with_initial = initial.map(|initial| format!("AUTH {name} {}\r\n", STANDARD.encode(initial)));
    let line = with_initial.filter(|line| line.len() <= LINE_LIMIT);
    line.unwrap_or_else(|| format!("AUTH {name}\r\n")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::auth_command;

    #[test]
    fn a_long_response_waits_for_its_challenge() {
        assert_eq!(auth_command("PLAIN", Some(&[b'x'; 600])), b"AUTH PLAIN\r\n");
        assert_eq!(auth_command("PLAIN", Some(b"\0ada\0pw")), b"AUTH PLAIN AGFkYQBwdw==\r\n");
        assert_eq!(auth_command("LOGIN", None), b"AUTH LOGIN\r\n");
    }
}
