//! Messages about failures: what happened, at which server, in which phase, and what to do next.

use std::error::Error as _;
use std::io;

use smtp_submission::{CertificateProblem, Error, ErrorKind, Phase};

use super::login_advice;
use super::reply_advice::reply_advice;
use super::route::header_variant_for;
use super::snapshot::Snapshot;
use crate::config::{Encryption, ServerConfig};
use crate::file::too_many;
use crate::message::Message;

/// One line about a failure at `server`.
pub fn explain(server: &ServerConfig, error: &Error) -> String {
    let place = format!("{} ({}:{})", server.name, server.host, server.port);
    let what = match error.kind() {
        // A quotation mark in the reply must not end the quotation.
        ErrorKind::Reply(reply) | ErrorKind::TooManyRecipients(reply) => {
            format!("the server said: \"{}\"", reply.to_string().replace('"', "'"))
        }
        ErrorKind::TokenRefused(reply) => {
            format!("the server refused the access token: \"{}\"", reply.to_string().replace('"', "'"))
        }
        other => other.to_string(),
    };
    let hint = continued(&hint(server, error));
    let separator = if hint.is_empty() { "" } else { "; " };
    format!("{place}, {}: {what}{separator}{hint}", error.phase())
}

/// A sentence as the continuation of another, so that the first sentence says what to do.
fn continued(sentence: &str) -> String {
    const NAMES: [&str; 4] = ["Gmail", "Google", "Microsoft", "Yahoo"];
    let first_word = sentence.split(' ').next().unwrap_or_default();
    let is_abbreviation = first_word.chars().nth(1).is_some_and(char::is_uppercase);
    if is_abbreviation || NAMES.contains(&first_word.trim_end_matches("'s")) {
        return sentence.to_owned();
    }
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// One line about a message for which no server can be tried.
pub fn no_server(snapshot: &Snapshot, message: &Message) -> String {
    let mut servers = snapshot.servers.iter();
    if !servers.any(|server| header_variant_for(message, &server.config).is_some()) {
        return "no configured server owns the sender of this mail".to_owned();
    }
    paused(snapshot, message).unwrap_or_default()
}

/// The servers that could send `message` if they had not refused the login, and what to do.
pub fn paused(snapshot: &Snapshot, message: &Message) -> Option<String> {
    let able = snapshot.servers.iter().filter(|server| server.is_paused());
    let able = able.filter(|server| header_variant_for(message, &server.config).is_some());
    let names: Vec<_> = able.map(|server| server.name()).collect();
    let (names, are) = match names.as_slice() {
        [] => return None,
        [one] => ((*one).to_owned(), "is"),
        all => (all.join(", "), "are"),
    };
    Some(format!(
        "{names} refused the login and {are} paused, so that the account is not locked. Correct the user name or password and reload \
         the configuration, or call test_smtp_connection to try the login once more"
    ))
}

/// What to do next, if there is something to do.
fn hint(server: &ServerConfig, error: &Error) -> String {
    match (error.phase(), error.kind()) {
        (_, ErrorKind::StartTlsMissing) => starttls_missing(server),
        (_, ErrorKind::StartTlsInjected) => "Someone may be tampering with the connection; nothing was sent".to_owned(),
        (_, ErrorKind::PlaintextLogin) => {
            "Set SMTP_USE_TLS or SMTP_USE_SSL to true, or SMTP_ALLOW_PLAINTEXT_AUTH=true if you accept that the password can be read in transit".to_owned()
        }
        (_, ErrorKind::NoMechanism(offered)) if !login_advice::uses_tokens(server) && login_advice::are_for_tokens(offered) => {
            "The server takes only access tokens: set SMTP_AUTH=oauth and SMTP_OAUTH_CLIENT_ID, and sign in with `smtp-mcp-server login`".to_owned()
        }
        (_, ErrorKind::NoMechanism(_)) if login_advice::uses_tokens(server) => {
            "The server takes no access tokens here: check SMTP_HOST and SMTP_PORT, or use SMTP_PASSWORD and SMTP_AUTH=password".to_owned()
        }
        (_, ErrorKind::TokenRefused(reply)) => login_advice::token_refused(server, reply),
        (_, ErrorKind::NoCredentials(_)) => login_advice::no_credentials(server).to_owned(),
        (_, ErrorKind::NoMechanism(_)) => "Ask the provider which login mechanism and port it wants for SMTP submission".to_owned(),
        (_, ErrorKind::Certificate(_)) => certificate(error.certificate_problem()),
        (_, ErrorKind::NotTls | ErrorKind::Tls(_) | ErrorKind::TlsClosed | ErrorKind::ServerName) | (Phase::Tls, ErrorKind::Io(_)) => tls(server),
        (_, ErrorKind::OutOfFiles(_)) => out_of_files(error),
        (_, ErrorKind::Lookup(_)) => "Check SMTP_HOST for a typo, and check the network".to_owned(),
        (_, ErrorKind::TooManyRecipients(_)) => "The server takes only so many recipients at a time; this one has not got the mail".to_owned(),
        (_, ErrorKind::Paced(_)) => "It is sent later by itself; SMTP_MAX_RATE is the limit of this program".to_owned(),
        (_, ErrorKind::TooLarge { .. }) => "Send less, or put large files elsewhere and send a link".to_owned(),
        (_, ErrorKind::Needs8BitMime) => "An attached message has 8-bit characters and may not be encoded: give it the type application/octet-stream".to_owned(),
        (_, ErrorKind::NeedsSmtpUtf8) => "Use an address whose part before the @ is plain ASCII".to_owned(),
        (_, ErrorKind::Cancelled) => "The time ran out before the last byte was sent, so this server did not get the mail".to_owned(),
        (Phase::Connect, ErrorKind::Io(_) | ErrorKind::TimedOut(_)) => format!(
            "Check SMTP_HOST and SMTP_PORT ({}), and whether a firewall or the provider blocks the port",
            server.port
        ),
        (Phase::Greeting, ErrorKind::TimedOut(_) | ErrorKind::Closed | ErrorKind::Garbage(_)) if server.encryption != Encryption::Implicit => {
            "If this port expects implicit TLS (465), set SMTP_USE_SSL=true".to_owned()
        }
        (phase, ErrorKind::Reply(reply)) if reply.code >= 400 => reply_advice(server, phase, reply),
        (Phase::EndOfData, _) => "The mail may have been delivered. Ask the recipient or check the Sent folder before you send it again".to_owned(),
        _ => String::new(),
    }
}

/// It is about this machine, not about the server.
fn out_of_files(error: &Error) -> String {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    cause.and_then(too_many::advice).unwrap_or_default().to_owned()
}

fn starttls_missing(server: &ServerConfig) -> String {
    let instead = if server.port == 465 {
        "Port 465 expects implicit TLS: set SMTP_USE_SSL=true"
    } else {
        "Use port 465 with SMTP_USE_SSL=true"
    };
    format!("{instead}. Only for a relay that you trust on your own network: SMTP_USE_TLS=false")
}

fn certificate(problem: Option<CertificateProblem>) -> String {
    let advice = match problem {
        Some(CertificateProblem::NotPinned) => {
            "If the server has a new certificate, put it, or the CA that issued it, into SMTP_CA_FILE; else it may be another server"
        }
        Some(CertificateProblem::Name) => "Set SMTP_HOST to a name that the certificate contains",
        Some(CertificateProblem::NoName) => {
            "Ask the server's operator for a certificate with the host name as subjectAltName"
        }
        Some(CertificateProblem::Expired) => {
            "Ask the server's operator to renew it; if this machine's clock is wrong, set the clock"
        }
        Some(CertificateProblem::NotYetValid) => {
            "This machine's clock is probably wrong: set it; else ask the server's operator"
        }
        Some(CertificateProblem::Unfit) => "Ask the server's operator for another certificate",
        Some(CertificateProblem::Issuer) | None => {
            "For a server with a private or self-signed certificate, set SMTP_CA_FILE to the CA or the certificate (PEM); its name must match SMTP_HOST"
        }
    };
    format!("{advice}. Nothing was sent in plaintext")
}

fn tls(server: &ServerConfig) -> String {
    let port = match server.encryption {
        Encryption::Implicit => "If this port expects STARTTLS (587 or 25), set SMTP_USE_SSL=false. ",
        Encryption::StartTls if server.port == 465 => {
            "Port 465 expects implicit TLS: set SMTP_USE_SSL=true. "
        }
        Encryption::StartTls | Encryption::None => "",
    };
    format!("{port}Nothing was sent in plaintext")
}
