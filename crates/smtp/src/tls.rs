//! Certificate verification, and the failures of a handshake.

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, ProtocolVersion, RootCertStore,
    SignatureScheme,
};

use crate::ErrorKind;
use crate::authority::is_authority;
use crate::certificate::NotPinned;
use crate::connect::bare_host;
use crate::key_size::KeySizeVerifier;

/// The trusted certificates.
#[derive(Debug, Clone, Copy)]
pub enum Roots<'a> {
    /// The platform's trust store.
    Platform,
    /// PEM text with one or more certificates: CAs, which are trusted with what they issued, or servers' own certificates, each of
    /// which is trusted for itself.
    Pem(&'a [u8]),
}

/// Why a TLS configuration could not be built.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The PEM text cannot be read.
    #[error("the certificate file is not PEM: {0}")]
    Pem(String),
    /// The PEM text holds no certificate.
    #[error("the certificate file holds no certificate")]
    Empty,
    /// A certificate in it cannot be used.
    #[error("a certificate in the file cannot be used: {0}")]
    Certificate(String),
    /// The platform's trust store cannot be used.
    #[error("the platform's certificates cannot be used: {0}")]
    Platform(String),
}

/// A client configuration that trusts `roots`, always checks host name and dates, and sends no certificate of ours.
///
/// # Errors
/// The trusted certificates cannot be used.
pub fn client_config(roots: Roots<'_>) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match roots {
        Roots::Platform => {
            let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&provider));
            Arc::new(verifier.map_err(|e| TlsError::Platform(e.to_string()))?)
        }
        Roots::Pem(pem) => Arc::new(FileVerifier::new(pem, &provider)?),
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| TlsError::Platform(e.to_string()))?;
    let verifier = Arc::new(KeySizeVerifier(verifier));
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// The name that the certificate must contain.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, ErrorKind> {
    ServerName::try_from(bare_host(host).to_owned()).map_err(|_| ErrorKind::ServerName)
}

/// A protocol version for display.
pub(crate) fn version_name(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
        ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
        _ => None,
    }
}

/// What a failed handshake means.
pub(crate) fn kind(e: io::Error) -> ErrorKind {
    match e.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error @ Error::InvalidCertificate(_)) => ErrorKind::Certificate(error.clone()),
        Some(Error::InvalidMessage(_)) => ErrorKind::NotTls,
        Some(other) => ErrorKind::Tls(other.clone()),
        None if e.kind() == io::ErrorKind::UnexpectedEof => ErrorKind::TlsClosed,
        None => ErrorKind::Io(e.into()),
    }
}

/// Trusts certificates issued by the CAs in the file, and the other certificates in it themselves, but not what those issued.
#[derive(Debug)]
struct FileVerifier {
    /// Trusts what the CAs issued. `None`: there are none.
    issued: Option<Arc<WebPkiServerVerifier>>,
    exact: Vec<ExactVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Trusts one certificate.
#[derive(Debug)]
struct ExactVerifier {
    certificate: CertificateDer<'static>,
    /// What is checked of a certificate besides its issuer.
    verifier: Arc<WebPkiServerVerifier>,
}

impl FileVerifier {
    fn new(pem: &[u8], provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|e| TlsError::Pem(e.to_string()))?;
        if certificates.is_empty() {
            return Err(TlsError::Empty);
        }
        let authorities: Vec<_> = certificates.iter().filter(|one| is_authority(one)).cloned().collect();
        let issued =
            if authorities.is_empty() { None } else { Some(verifier(&authorities, Arc::clone(provider))?) };
        let exact = |certificate: CertificateDer<'static>| {
            let verifier = verifier(std::slice::from_ref(&certificate), Arc::clone(provider))?;
            Ok(ExactVerifier { certificate, verifier })
        };
        let exact = certificates.into_iter().map(exact).collect::<Result<_, _>>()?;
        Ok(Self { issued, exact, algorithms: provider.signature_verification_algorithms })
    }
}

/// Trusts what `roots` issued.
fn verifier(
    roots: &[CertificateDer<'static>],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let unusable = |e: &dyn std::fmt::Display| TlsError::Certificate(e.to_string());
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).map_err(|e| unusable(&e))?;
    }
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider);
    builder.build().map_err(|e| unusable(&e))
}

/// Whether `error` only means that the issuer of a certificate is unknown. Dates are checked before, so an expired one is never
/// accepted here.
fn is_about_issuer(error: &Error) -> bool {
    let Error::InvalidCertificate(error) = error else {
        return false;
    };
    match error {
        CertificateError::UnknownIssuer => true,
        // Common tools mark a self-signed certificate as a CA.
        CertificateError::Other(other) => format!("{other:?}").contains("CaUsedAsEndEntity"),
        _ => false,
    }
}

impl ServerCertVerifier for FileVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(exact) = self.exact.iter().find(|exact| exact.certificate == *leaf) {
            return match exact.verifier.verify_server_cert(leaf, &[], name, ocsp, now) {
                Err(e) if is_about_issuer(&e) => {
                    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
                    Ok(ServerCertVerified::assertion())
                }
                status => status,
            };
        }
        match &self.issued {
            Some(issued) => issued.verify_server_cert(leaf, intermediates, name, ocsp, now),
            None => Err(CertificateError::Other(OtherError(Arc::new(NotPinned))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::{Roots, TlsError, client_config};

    #[test]
    fn a_file_without_a_certificate_is_an_error() {
        assert!(matches!(client_config(Roots::Pem(b"")), Err(TlsError::Empty)));
        assert!(matches!(client_config(Roots::Pem(b"hello")), Err(TlsError::Empty)));
        let broken = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        assert!(matches!(client_config(Roots::Pem(broken)), Err(TlsError::Pem(_))));
        let nonsense = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(client_config(Roots::Pem(nonsense)), Err(TlsError::Certificate(_))));
    }
}
