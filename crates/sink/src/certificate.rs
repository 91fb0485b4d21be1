//! The certificate that a sink presents: generated at the start, valid or not, or a provided one.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// The certificate that a sink presents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// Signed by a CA generated for this sink, for these host names and addresses.
    Generated(Vec<String>),
    /// The same for localhost, but expired.
    Expired,
    /// Self-signed, for these host names and addresses.
    SelfSigned(Vec<String>),
    /// A provided one.
    Provided {
        /// The chain, leaf first, as PEM.
        chain_pem: String,
        /// The private key as PEM.
        key_pem: String,
    },
}

impl Default for Certificate {
    /// Valid for localhost and 127.0.0.1.
    fn default() -> Self {
        Self::Generated(loopback())
    }
}

fn loopback() -> Vec<String> {
    vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
}

/// A certificate, ready for handshakes.
pub(crate) struct TlsIdentity {
    pub(crate) acceptor: TlsAcceptor,
    /// What a client has to trust; unknown for a provided certificate.
    pub(crate) ca_pem: Option<String>,
}

struct CertifiedKey {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    ca_pem: Option<String>,
}

impl Certificate {
    /// Generates or loads it.
    pub(crate) fn identity(&self) -> io::Result<TlsIdentity> {
        let pair = match self {
            Self::Generated(names) => generate(leaf(names)).map_err(io::Error::other)?,
            Self::Expired => generate(expired(leaf(&loopback()))).map_err(io::Error::other)?,
            Self::SelfSigned(names) => self_signed(leaf(names)).map_err(io::Error::other)?,
            Self::Provided { chain_pem, key_pem } => load(chain_pem, key_pem).map_err(io::Error::other)?,
        };
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(pair.chain, pair.key)
            .map_err(io::Error::other)?;
        Ok(TlsIdentity { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem: pair.ca_pem })
    }
}

type Params = Result<CertificateParams, rcgen::Error>;

fn leaf(names: &[String]) -> Params {
    let mut params = valid_until(CertificateParams::new(names.to_vec())?, 2100);
    params.distinguished_name.push(DnType::CommonName, "smtp-sink");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn expired(params: Params) -> Params {
    params.map(|params| valid_until(params, 2021))
}

fn valid_until(mut params: CertificateParams, until: i32) -> CertificateParams {
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params
}

fn generate(leaf: Params) -> Result<CertifiedKey, rcgen::Error> {
    let mut authority = valid_until(CertificateParams::default(), 2100);
    authority.distinguished_name.push(DnType::CommonName, "smtp-sink's own CA");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let ca = authority.self_signed(&authority_key)?;
    let key = KeyPair::generate()?;
    let leaf = leaf?.signed_by(&key, &Issuer::new(authority, authority_key))?;
    Ok(CertifiedKey { chain: vec![leaf.der().clone()], key: key.into(), ca_pem: Some(ca.pem()) })
}

fn self_signed(leaf: Params) -> Result<CertifiedKey, rcgen::Error> {
    let key = KeyPair::generate()?;
    let leaf = leaf?.self_signed(&key)?;
    Ok(CertifiedKey { chain: vec![leaf.der().clone()], ca_pem: Some(leaf.pem()), key: key.into() })
}

fn load(chain_pem: &str, key_pem: &str) -> Result<CertifiedKey, rustls::pki_types::pem::Error> {
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect::<Result<_, _>>()?;
    Ok(CertifiedKey { chain, key: PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?, ca_pem: None })
}
