//! Why a server's certificate is not accepted, in words.

use rustls::{CertificateError, Error};

/// Why the certificate is not accepted.
pub(crate) fn explain_certificate(error: &Error) -> String {
    let Error::InvalidCertificate(error) = error else {
        return error.to_string();
    };
    use CertificateError as E;
    match error {
        E::UnknownIssuer => {
            "the server's certificate comes from an unknown issuer (a CA file can make it known)".to_owned()
        }
        E::BadSignature => {
            "the server's certificate comes from an unknown issuer with the name of a known one".to_owned()
        }
        E::Expired | E::ExpiredContext { .. } => "the server's certificate has expired".to_owned(),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet".to_owned()
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            "the server's certificate is for another host name".to_owned()
        }
        other => format!("the server's certificate is not accepted: {other}"),
    }
}
