//! Requests to a provider: forms out, JSON in, within limits.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use reqwest::redirect::Policy;
use serde_json::Value;
use smtp_submission::tls::{self, Roots};
use url::Url;

use super::provider::Provider;
use super::{OauthError, ProviderError, printable};
use crate::file::too_many;

/// For the whole exchange; a provider answers within a second or two.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// Larger than any answer of a provider, in bytes.
const MAX_ANSWER: usize = 256 << 10;

/// A client for the endpoints of a provider.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    provider: Provider,
}

impl HttpClient {
    /// A client that trusts the platform's certificates and follows no redirect: a form with secrets goes where it was
    /// meant to go. The proxy variables of the environment apply.
    ///
    /// # Errors
    /// The platform's certificates cannot be used.
    pub fn new(provider: Provider) -> Result<Self, OauthError> {
        let unsuitable = |reason: String| OauthError::Unsuitable(format!("HTTPS cannot be used: {reason}"));
        let tls = tls::client_config(Roots::Platform).map_err(|error| unsuitable(error.to_string()))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.as_ref().clone())
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("smtp-mcp-server/", env!("CARGO_PKG_VERSION")))
            .build();
        let client = client.map_err(|error| unsuitable(reason(&error)))?;
        Ok(Self { client, provider })
    }

    pub(super) async fn get(&self, url: &Url) -> Result<Value, OauthError> {
        let request = self.client.get(url.clone()).header("accept", "application/json");
        self.answer(url, request, &[]).await
    }

    /// Posts a form. `secrets` are those in it, which an answer must not repeat to a log.
    pub(super) async fn post(
        &self,
        url: &Url,
        form: &[(&str, &str)],
        secrets: &[&str],
    ) -> Result<Value, OauthError> {
        let request = self.client.post(url.clone()).header("accept", "application/json").form(form);
        self.answer(url, request, secrets).await
    }

    async fn answer(
        &self,
        url: &Url,
        request: reqwest::RequestBuilder,
        secrets: &[&str],
    ) -> Result<Value, OauthError> {
        let host = || url.host_str().unwrap_or_default().to_owned();
        let failed = |error: &reqwest::Error| {
            let reason = reason(error);
            if error.is_connect() {
                OauthError::Unreachable { host: host(), reason }
            } else {
                OauthError::NoAnswer { host: host(), reason }
            }
        };
        let no_answer = |reason: String| OauthError::NoAnswer { host: host(), reason };
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let mut body = zeroize::Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err(no_answer("it is too long".to_owned()));
            }
        }
        let is_fine = (200..300).contains(&status);
        // A revocation has nothing to say (RFC 7009, section 2.2).
        if is_fine && body.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        let Ok(body @ Value::Object(_)) = serde_json::from_slice::<Value>(&body) else {
            return Err(no_answer(format!("HTTP status {status}, and no JSON object")));
        };
        if let Some(error) = self.error_in(&body, host(), secrets) {
            return Err(OauthError::Refused(error));
        }
        if !is_fine {
            return Err(no_answer(format!("HTTP status {status}")));
        }
        Ok(body)
    }

    /// The error that the answer reports.
    fn error_in(&self, body: &Value, host: String, secrets: &[&str]) -> Option<ProviderError> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(|text| shown(text, secrets));
        let (provider, code) = (self.provider, text("error")?);
        let description = text("error_description").unwrap_or_default();
        Some(ProviderError { provider, host, code, description })
    }
}

/// A provider's text without what was sent to it.
fn shown(text: &str, secrets: &[&str]) -> String {
    let without = secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(text.to_owned(), |text, secret| text.replace(secret, "[hidden]"));
    printable(&without)
}

/// The whole chain of causes in one line; the URL stands elsewhere.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    let mut cause = error.source();
    let mut last = None;
    while let Some(error) = cause {
        let advice = error.downcast_ref::<io::Error>().and_then(too_many::advice);
        last = Some(advice.map_or_else(|| error.to_string(), |advice| format!("{error}: {advice}")));
        cause = error.source();
    }
    printable(&last.unwrap_or_else(|| "the request failed".to_owned()))
}
