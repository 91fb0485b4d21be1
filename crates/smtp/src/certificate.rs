//! Why a TLS handshake fails, in words.

use chrono::{DateTime, Utc};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::reply::quote;

/// How many of a certificate's names are quoted.
const MAX_NAMES: usize = 4;
/// The longest quotation of a name, in characters.
const NAME_LIMIT: usize = 80;
/// The DER form of the signature algorithms that browsers and this program no longer accept.
const RSA_WITH_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05];
const ECDSA_WITH_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
const RSA_WITH_MD5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04];

/// What is wrong with a server's certificate, for advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateProblem {
    /// Nobody whom we trust issued it.
    Issuer,
    /// Another one is trusted, and no CA.
    NotPinned,
    /// It is for other hosts.
    Name,
    /// It has no subjectAltName, and the common name is not read (RFC 9525, section 2).
    NoName,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It must be replaced: its key, signature, purpose or form.
    Unfit,
}

/// The key of a certificate is too short to be safe.
#[derive(Debug, thiserror::Error)]
#[error("has an RSA key of {0} bits, and at least 2048 are safe")]
pub(crate) struct SmallKey(pub(crate) usize);

/// The certificates that are trusted are all servers' own, and this is another one.
#[derive(Debug, thiserror::Error)]
#[error("is not the one in the CA file, which holds no CA's")]
pub(crate) struct NotPinned;

/// What is wrong with the certificate, if `error` is about it.
pub(crate) fn certificate_problem(error: &Error) -> Option<CertificateProblem> {
    use CertificateError as E;
    let Error::InvalidCertificate(error) = error else { return None };
    Some(match error {
        E::UnknownIssuer | E::BadSignature => CertificateProblem::Issuer,
        E::Other(other) if other.0.is::<NotPinned>() => CertificateProblem::NotPinned,
        E::NotValidForNameContext { presented, .. } if presented.is_empty() => CertificateProblem::NoName,
        E::NotValidForName | E::NotValidForNameContext { .. } => CertificateProblem::Name,
        E::Expired | E::ExpiredContext { .. } => CertificateProblem::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => CertificateProblem::NotYetValid,
        _ => CertificateProblem::Unfit,
    })
}

/// Why the certificate is not accepted.
pub(crate) fn explain_certificate(error: &Error) -> String {
    use CertificateError as E;
    let Error::InvalidCertificate(error) = error else {
        return explain_tls(error);
    };
    let why = match error {
        E::UnknownIssuer => "comes from an unknown issuer (a CA file can make it known)".to_owned(),
        E::BadSignature => "comes from an unknown issuer with the name of a known one".to_owned(),
        E::ExpiredContext { time, not_after } => {
            format!("expired on {} (this machine's clock says {})", date(*not_after), date(*time))
        }
        E::NotValidYetContext { time, not_before } => {
            format!("is valid from {} on, and this machine's clock says {}", date(*not_before), date(*time))
        }
        E::Expired => "has expired".to_owned(),
        E::NotValidYet => "is not valid yet".to_owned(),
        E::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "names no host in a subjectAltName (its common name does not count)".to_owned()
        }
        E::NotValidForNameContext { expected, presented } => {
            format!("is valid for {}, not for {}", names(presented), quote(&expected.to_str(), NAME_LIMIT))
        }
        E::NotValidForName => "is for another host name".to_owned(),
        E::Revoked => "has been revoked".to_owned(),
        E::BadEncoding => "is damaged".to_owned(),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "is not for servers (its extended key usage is another)".to_owned()
        }
        E::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } => {
            signed_with(signature_algorithm_id)
        }
        E::Other(other) if other.0.is::<NotPinned>() => other.to_string(),
        E::Other(other) => unusual(&other.to_string()),
        _ => "does not follow the rules for certificates (RFC 5280)".to_owned(),
    };
    format!("the server's certificate {why}")
}

/// Why the handshake failed, apart from the certificate.
pub(crate) fn explain_tls(error: &Error) -> String {
    use AlertDescription as Alert;
    match error {
        Error::AlertReceived(Alert::ProtocolVersion)
        | Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered,
        ) => "the server offers only versions of TLS before 1.2, which are not safe".to_owned(),
        Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity) => {
            "the server has no cipher suite that is safe (it needs ECDHE with AES-GCM or ChaCha20-Poly1305)"
                .to_owned()
        }
        Error::AlertReceived(Alert::UnrecognisedName) => {
            "the server does not know the host name it was asked for".to_owned()
        }
        Error::AlertReceived(Alert::CertificateRequired | Alert::AccessDenied) => {
            "the server requires a client certificate".to_owned()
        }
        Error::AlertReceived(alert) => {
            format!("the server broke off with the alert {}", words(&format!("{alert:?}")))
        }
        Error::PeerIncompatible(_) => "the server's TLS offers nothing that this program supports".to_owned(),
        Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => {
            "the server does not follow the rules of TLS".to_owned()
        }
        _ => "the handshake could not be completed".to_owned(),
    }
}

/// Whether the handshake fails in the same way until somebody changes the server.
pub(crate) fn is_lasting(error: &Error) -> bool {
    use AlertDescription as Alert;
    matches!(
        error,
        Error::PeerIncompatible(_)
            | Error::AlertReceived(
                Alert::ProtocolVersion
                    | Alert::HandshakeFailure
                    | Alert::InsufficientSecurity
                    | Alert::UnrecognisedName
                    | Alert::CertificateRequired
            )
    )
}

fn unusual(other: &str) -> String {
    match other {
        "CaUsedAsEndEntity" => "is a CA certificate, which a server must not use as its own".to_owned(),
        "UnsupportedCertVersion" => "is of a version before 3".to_owned(),
        other if other.starts_with("has an RSA key") => other.to_owned(),
        _ => "does not follow the rules for certificates (RFC 5280)".to_owned(),
    }
}

fn signed_with(algorithm: &[u8]) -> String {
    let contains = |oid: &[u8]| algorithm.windows(oid.len()).any(|part| part == oid);
    if contains(RSA_WITH_SHA1) || contains(ECDSA_WITH_SHA1) {
        return "is signed with SHA-1, which is not safe".to_owned();
    }
    if contains(RSA_WITH_MD5) {
        return "is signed with MD5, which is not safe".to_owned();
    }
    "is signed with an algorithm that this program does not support".to_owned()
}

/// The names in a certificate, such as `DnsName("a.example")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inside = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest.trim_end_matches(')'));
        quote(inside.trim_matches('"'), NAME_LIMIT)
    };
    let mut named: Vec<_> = presented.iter().take(MAX_NAMES).map(bare).collect();
    if presented.len() > MAX_NAMES {
        named.push(format!("{} more", presented.len() - MAX_NAMES));
    }
    named.join(", ")
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let date = DateTime::<Utc>::from_timestamp(seconds, 0);
    date.map_or_else(|| "an unknown date".to_owned(), |date| date.format("%Y-%m-%d %H:%M UTC").to_string())
}

/// `BadRecordMac` as `bad record mac`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}
