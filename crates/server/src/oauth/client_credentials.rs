//! Tokens for the application itself (RFC 6749, section 4.4): for services, without a person.

use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::access_tokens::{TokenError, TokenSource};
use super::discovery::{self, Metadata};
use super::provider::Provider;
use super::{AccessToken, Client, HttpClient, OauthError, token};
use crate::clock::Clock;

/// An application that gets tokens with its own secret.
pub struct ClientCredentials {
    /// The issuer's URL.
    pub issuer: String,
    /// The application.
    pub client: Client,
    /// The scope to ask for. `None`: the provider's own for mail, if it has one.
    pub scope: Option<String>,
    /// The clock.
    pub clock: Clock,
    /// The provider's endpoints, once they are known.
    pub endpoints: OnceCell<(HttpClient, Metadata)>,
}

impl TokenSource for ClientCredentials {
    async fn fetch(&self, _: Option<&SecretString>) -> Result<AccessToken, TokenError> {
        self.ask().await.map_err(|error| TokenError {
            is_permanent: error.is_permanent(),
            reason: format!("no access token for the application: {error}"),
        })
    }
}

impl ClientCredentials {
    async fn ask(&self) -> Result<AccessToken, OauthError> {
        let provider = Provider::of(&self.issuer);
        let find = async || {
            let http = HttpClient::new(provider)?;
            let metadata = discovery::discover(&http, &self.issuer, provider).await?;
            Ok((http, metadata))
        };
        let (http, metadata) = self.endpoints.get_or_try_init(find).await?;
        let scope = self.scope.as_deref().or(provider.application_scope());
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(scope.map(|scope| ("scope", scope)));
        let now = || self.clock.now().to_utc();
        let issued = token::request(http, &metadata.token_endpoint, &self.client, &form, now).await?;
        Ok(issued.access)
    }
}
