//! Whether a certificate may issue others.

use rustls::pki_types::CertificateDer;

use crate::der::element;

const SEQUENCE: u8 = 0x30;
const BOOLEAN: u8 = 0x01;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
/// The field `extensions` of a certificate.
const EXTENSIONS: u8 = 0xa3;
/// basicConstraints and keyUsage, as object identifiers.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// keyCertSign, in the first byte of the bits.
const KEY_CERT_SIGN: u8 = 0x04;

/// Whether it is the certificate of a CA: its basicConstraints say so, and its keyUsage, if it has one, permits to sign certificates
/// (RFC 5280, sections 4.2.1.3 and 4.2.1.9). One that cannot be read, or that is of a version without extensions, is not.
pub(crate) fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    let Some(extensions) = extensions(certificate) else { return false };
    let is_ca = extension(extensions, BASIC_CONSTRAINTS).and_then(|value| {
        let (constraints, _) = element(value, SEQUENCE)?;
        element(constraints, BOOLEAN).map(|(is_ca, _)| is_ca != [0])
    });
    let may_sign = extension(extensions, KEY_USAGE).map(|value| {
        // The first byte is the number of unused bits.
        let bits = element(value, BIT_STRING).and_then(|(bits, _)| bits.get(1));
        bits.is_some_and(|bits| bits & KEY_CERT_SIGN != 0)
    });
    is_ca == Some(true) && may_sign != Some(false)
}

/// The extensions of a certificate, one after the other.
fn extensions(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    while let Some(tag) = fields.first() {
        let (field, rest) = element(fields, *tag)?;
        if *tag == EXTENSIONS {
            return Some(element(field, SEQUENCE)?.0);
        }
        fields = rest;
    }
    None
}

/// The value of the extension with this identifier.
fn extension<'a>(mut extensions: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    while !extensions.is_empty() {
        let (extension, others) = element(extensions, SEQUENCE)?;
        let (identifier, rest) = element(extension, OID)?;
        if identifier == wanted {
            let value = element(rest, BOOLEAN).map_or(rest, |(_critical, value)| value);
            return element(value, OCTET_STRING).map(|(value, _)| value);
        }
        extensions = others;
    }
    None
}
