//! One stored login: what is needed to get access tokens without the person.

use std::io;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::provider::Provider;
use super::token::Issued;
use super::{AccessToken, ProviderError};

/// The version of the file.
const VERSION: u32 = 1;

/// A login as it is stored. It has no Debug.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredLogin {
    version: u32,
    /// Who signed in.
    #[serde(flatten)]
    pub account: Account,
    /// When the person signed in.
    pub signed_in_at: DateTime<Utc>,
    /// The refresh token; none after the provider refused it.
    #[serde(with = "optional_secret")]
    pub refresh_token: Option<SecretString>,
    /// The current access token.
    access_token: Option<StoredToken>,
    /// Written before a refresh and cleared after it: if it is there at the next one, the outcome of the last is not known,
    /// and the provider may have replaced the refresh token.
    pub refreshing_since: Option<DateTime<Utc>>,
    /// Why the provider refused the refresh token.
    pub refusal: Option<Refusal>,
}

/// Which version wrote a file.
#[derive(Deserialize)]
struct Written {
    version: u32,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredToken {
    #[serde(with = "secret")]
    token: SecretString,
    renew_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

/// A provider's refusal of a refresh token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refusal {
    /// When it was refused.
    pub at: DateTime<Utc>,
    /// The provider's host.
    pub host: String,
    /// The error code.
    pub code: String,
    /// The provider's description.
    pub description: String,
    /// An earlier refresh with an unknown outcome, which may be the reason.
    pub interrupted_at: Option<DateTime<Utc>>,
}

/// Who signed in where, as what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// The account.
    pub username: String,
    /// Who issues the tokens.
    pub provider: Provider,
    /// The issuer's URL.
    pub issuer: String,
    /// Where tokens are issued.
    pub token_endpoint: String,
    /// Where tokens are revoked.
    pub revocation_endpoint: Option<String>,
    /// The application.
    pub client_id: String,
    /// The scope that was granted.
    pub scope: String,
}

impl StoredLogin {
    /// The login that begins with what a provider issued at `now`.
    pub fn new(account: Account, issued: Issued, now: DateTime<Utc>) -> Self {
        let mut login = Self {
            version: VERSION,
            account,
            signed_in_at: now,
            refresh_token: None,
            access_token: None,
            refreshing_since: None,
            refusal: None,
        };
        login.renew(issued);
        login
    }

    /// Takes over what a refresh issued. A provider that issues no new refresh token keeps the old one valid.
    pub fn renew(&mut self, issued: Issued) {
        let Issued { access, refresh, .. } = issued;
        let AccessToken { secret: token, renew_at, expires_at } = access;
        self.access_token = Some(StoredToken { token, renew_at, expires_at });
        self.refresh_token = refresh.or(self.refresh_token.take());
        self.refreshing_since = None;
    }

    /// Records that the refresh token is of no use any more, and forgets it.
    pub fn refuse(
        &mut self,
        error: &ProviderError,
        interrupted_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) {
        self.refresh_token = None;
        self.access_token = None;
        self.refreshing_since = None;
        self.refusal = Some(Refusal {
            at: now,
            host: error.host.clone(),
            code: error.code.clone(),
            description: error.description.clone(),
            interrupted_at,
        });
    }

    /// The access token, if there is one.
    pub fn access_token(&self) -> Option<AccessToken> {
        let StoredToken { token: secret, renew_at, expires_at } = self.access_token.clone()?;
        Some(AccessToken { secret, renew_at, expires_at })
    }

    /// Reads a file's text. An error quotes nothing of it.
    ///
    /// # Errors
    /// It is not a login, or one of a newer version.
    pub(super) fn parse(text: &[u8]) -> io::Result<Self> {
        let damaged = |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            io::Error::other(format!("it is damaged at line {line}, column {column}"))
        };
        let Written { version } = serde_json::from_slice(text).map_err(damaged)?;
        if version > VERSION {
            return Err(io::Error::other("a newer version of this program wrote it"));
        }
        serde_json::from_slice(text).map_err(damaged)
    }
}

impl Refusal {
    /// As `provider` reported it.
    pub fn error(&self, provider: Provider) -> ProviderError {
        ProviderError {
            provider,
            host: self.host.clone(),
            code: self.code.clone(),
            description: self.description.clone(),
        }
    }
}

mod secret {
    use secrecy::{ExposeSecret as _, SecretString};
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &SecretString, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose_secret())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
        String::deserialize(from).map(SecretString::from)
    }
}

mod optional_secret {
    use secrecy::{ExposeSecret as _, SecretString};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Option<SecretString>, to: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(SecretString::expose_secret).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
        Option::<String>::deserialize(from).map(|secret| secret.map(SecretString::from))
    }
}
