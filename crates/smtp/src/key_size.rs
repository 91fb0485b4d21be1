//! Refuses certificates with an RSA key that is too short, before the signature algorithms fail on it for no reason that they tell.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use crate::certificate::SmallKey;
use crate::der::element;

/// The shortest RSA key that is accepted, in bits.
const MIN_BITS: usize = 2048;
/// rsaEncryption (RFC 8017, appendix A.1), as it begins a public key.
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Another verifier, behind a check of the keys.
#[derive(Debug)]
pub(crate) struct KeySizeVerifier(pub(crate) Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for KeySizeVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        for certificate in std::iter::once(leaf).chain(intermediates) {
            if let Some(bits) = rsa_bits(certificate).filter(|bits| *bits < MIN_BITS) {
                let error = CertificateError::Other(OtherError(Arc::new(SmallKey(bits))));
                return Err(Error::InvalidCertificate(error));
            }
        }
        self.0.verify_server_cert(leaf, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The size of the certificate's RSA key; `None` for another key.
fn rsa_bits(certificate: &CertificateDer<'_>) -> Option<usize> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let key = parsed.subject_public_key_info();
    let (info, _) = element(&key, 0x30)?;
    let (algorithm, rest) = element(info, 0x30)?;
    let (bits, _) = element(rest, 0x03).filter(|_| algorithm.starts_with(RSA))?;
    // A BIT STRING begins with the number of unused bits, an INTEGER perhaps with a zero for its sign.
    let (sequence, _) = element(bits.get(1..)?, 0x30)?;
    let (modulus, _) = element(sequence, 0x02)?;
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let zeros = usize::try_from(modulus[first].leading_zeros()).ok()?;
    Some((modulus.len() - first) * 8 - zeros)
}
