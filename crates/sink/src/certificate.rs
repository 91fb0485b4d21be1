//! Who the sink says it is: certificates made on the spot, good ones and bad ones, or a given one.

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

/// The certificate that a sink shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// Signed by a CA made for this sink, for these host names and addresses.
    Made(Vec<String>),
    /// The same for localhost, but its time is over.
    Expired,
    /// Signed by itself, for these host names and addresses.
    SelfSigned(Vec<String>),
    /// A given one.
    Given {
        /// The chain, leaf first, as PEM.
        chain_pem: String,
        /// The private key as PEM.
        key_pem: String,
    },
}

impl Default for Certificate {
    /// Good for localhost and 127.0.0.1.
    fn default() -> Self {
        Self::Made(loopback())
    }
}

fn loopback() -> Vec<String> {
    vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
}

/// What a sink needs of a certificate.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    /// What a client has to trust; unknown for a given certificate.
    pub(crate) ca_pem: Option<String>,
}

struct Pair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    ca_pem: Option<String>,
}

impl Certificate {
    /// Makes or reads it.
    pub(crate) fn identity(&self) -> io::Result<Identity> {
        let pair = match self {
            Self::Made(names) => made(leaf(names)).map_err(io::Error::other)?,
            Self::Expired => made(expired(leaf(&loopback()))).map_err(io::Error::other)?,
            Self::SelfSigned(names) => self_signed(leaf(names)).map_err(io::Error::other)?,
            Self::Given { chain_pem, key_pem } => given(chain_pem, key_pem).map_err(io::Error::other)?,
        };
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(pair.chain, pair.key)
            .map_err(io::Error::other)?;
        Ok(Identity { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem: pair.ca_pem })
    }
}

type Params = Result<CertificateParams, rcgen::Error>;

fn leaf(names: &[String]) -> Params {
    let mut params = dated(CertificateParams::new(names.to_vec())?, 2100);
    params.distinguished_name.push(DnType::CommonName, "smtp-sink");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn expired(params: Params) -> Params {
    params.map(|params| dated(params, 2021))
}

fn dated(mut params: CertificateParams, until: i32) -> CertificateParams {
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params
}

fn made(leaf: Params) -> Result<Pair, rcgen::Error> {
    let mut authority = dated(CertificateParams::default(), 2100);
    authority.distinguished_name.push(DnType::CommonName, "smtp-sink's own CA");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let ca = authority.self_signed(&authority_key)?;
    let key = KeyPair::generate()?;
    let leaf = leaf?.signed_by(&key, &Issuer::new(authority, authority_key))?;
    Ok(Pair { chain: vec![leaf.der().clone()], key: key.into(), ca_pem: Some(ca.pem()) })
}

fn self_signed(leaf: Params) -> Result<Pair, rcgen::Error> {
    let key = KeyPair::generate()?;
    let leaf = leaf?.self_signed(&key)?;
    Ok(Pair { chain: vec![leaf.der().clone()], ca_pem: Some(leaf.pem()), key: key.into() })
}

fn given(chain_pem: &str, key_pem: &str) -> Result<Pair, rustls::pki_types::pem::Error> {
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect::<Result<_, _>>()?;
    Ok(Pair { chain, key: PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?, ca_pem: None })
}
