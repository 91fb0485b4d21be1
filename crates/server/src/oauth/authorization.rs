//! Signing in with a browser on this machine: authorization code with PKCE (RFC 6749, section 4.1; RFC 7636; RFC 8252).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::discovery::Metadata;
use super::provider::Provider;
use super::token::{self, Client, Issued};
use super::{HttpClient, OauthError, ProviderError, printable};

/// A sign-in that waits for the browser.
pub struct Authorization {
    /// The page to open in a browser.
    pub page: Url,
    provider: Provider,
    issuer: String,
    redirect_uri: String,
    state: String,
    verifier: SecretString,
}

/// What the browser brought back.
pub enum Returned {
    /// The person signed in.
    Code(SecretString),
    /// The person or the provider refused.
    Refused(ProviderError),
    /// It does not belong to this sign-in.
    Foreign,
}

impl Authorization {
    /// A sign-in that returns to `redirect_uri`.
    ///
    /// # Errors
    /// The provider has no such page, or the system has no random numbers.
    pub fn new(
        metadata: &Metadata,
        client: &Client,
        scope: &str,
        redirect_uri: String,
        more: &[(&str, &str)],
    ) -> Result<Self, OauthError> {
        let mut page = metadata.authorization_endpoint.clone().ok_or_else(|| {
            OauthError::Unsuitable(format!("{} has no page to sign in with a browser", metadata.issuer))
        })?;
        let (state, verifier) = (random()?, SecretString::from(random()?));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose_secret()));
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scope", scope)
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(more);
        let (provider, issuer) = (metadata.provider, metadata.issuer.clone());
        Ok(Self { page, provider, issuer, redirect_uri, state, verifier })
    }

    /// Reads the query with which the browser came back.
    pub fn read(&self, query: &str) -> Returned {
        let mut pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut take = |name: &str| {
            let at = pairs.iter().position(|(key, _)| key == name)?;
            Some(pairs.swap_remove(at).1)
        };
        if take("state").as_deref() != Some(self.state.as_str()) {
            return Returned::Foreign;
        }
        // An answer of another issuer (RFC 9207); Microsoft's shared tenants name none.
        let is_foreign = take("iss").is_some_and(|issuer| !self.is_ours(&issuer));
        if is_foreign {
            return Returned::Foreign;
        }
        if let Some(code) = take("error") {
            let description = printable(&take("error_description").unwrap_or_default());
            let host = self.page.host_str().unwrap_or_default().to_owned();
            let provider = self.provider;
            return Returned::Refused(ProviderError { provider, host, code: printable(&code), description });
        }
        take("code")
            .filter(|code| !code.is_empty())
            .map_or(Returned::Foreign, |code| Returned::Code(code.into()))
    }

    fn is_ours(&self, issuer: &str) -> bool {
        let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
        origin(issuer).is_some() && origin(issuer) == origin(&self.issuer)
    }

    /// Exchanges the code for tokens.
    ///
    /// # Errors
    /// The provider refuses, or cannot be reached.
    pub async fn exchange(
        &self,
        http: &HttpClient,
        metadata: &Metadata,
        client: &Client,
        code: &SecretString,
        now: impl Fn() -> DateTime<Utc>,
    ) -> Result<Issued, OauthError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", self.verifier.expose_secret()),
        ];
        token::request(http, &metadata.token_endpoint, client, &form, now).await
    }
}

/// 256 random bits, as text.
fn random() -> Result<String, OauthError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| OauthError::Unsuitable(format!("the system has no random numbers: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization() -> Authorization {
        let url = |path: &str| Url::parse(&format!("https://id.example.org{path}")).unwrap();
        let metadata = Metadata {
            provider: Provider::Other,
            issuer: "https://id.example.org/".to_owned(),
            token_endpoint: url("/token"),
            authorization_endpoint: Some(url("/authorize?tenant=a")),
            device_authorization_endpoint: None,
            revocation_endpoint: None,
        };
        let client = Client { id: "the client".to_owned(), secret: None };
        Authorization::new(
            &metadata,
            &client,
            "mail offline",
            "http://127.0.0.1:1/".to_owned(),
            &[("a", "b&c")],
        )
        .unwrap()
    }

    #[test]
    fn the_page_carries_the_challenge_and_never_the_verifier() {
        let authorization = authorization();
        let query: Vec<(String, String)> = authorization.page.query_pairs().into_owned().collect();
        let names: Vec<_> = query.iter().map(|(name, _)| name.as_str()).collect();
        let wanted = [
            "tenant",
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "state",
            "code_challenge",
            "code_challenge_method",
            "a",
        ];
        assert_eq!(names, wanted);
        let verifier = authorization.verifier.expose_secret();
        assert!(verifier.len() >= 43 && !authorization.page.as_str().contains(verifier));
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        assert!(query.contains(&("code_challenge".to_owned(), challenge)));
        assert_ne!(authorization.state, super::tests::authorization().state);
    }

    #[test]
    fn only_the_answer_to_this_sign_in_counts() {
        let authorization = authorization();
        let state = &authorization.state;
        for (query, wanted) in [
            (format!("code=c&state={state}"), "code c"),
            (format!("code=c&state={state}&iss=https%3A%2F%2Fid.example.org"), "code c"),
            (format!("code=c&state={state}&iss=https%3A%2F%2Fevil.example"), "foreign"),
            (
                format!("error=access_denied&error_description=no%1b%20way&state={state}"),
                "access_denied: no way",
            ),
            ("code=c&state=other".to_owned(), "foreign"),
            ("code=c".to_owned(), "foreign"),
            (format!("state={state}"), "foreign"),
            (format!("code=&state={state}"), "foreign"),
            (String::new(), "foreign"),
        ] {
            let found = match authorization.read(&query) {
                Returned::Code(code) => format!("code {}", code.expose_secret()),
                Returned::Refused(error) => format!("{}: {}", error.code, error.description),
                Returned::Foreign => "foreign".to_owned(),
            };
            assert_eq!(found, wanted, "{query}");
        }
    }
}
