//! Access tokens, and the token endpoint that issues them (RFC 6749, section 3.2).

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::{HttpClient, OauthError};
use crate::secret::Secret;

/// A token is renewed when this much of its lifetime is left, so that it does not expire on the way to the mail server.
const RENEWAL_MARGIN: TimeDelta = TimeDelta::minutes(5);

/// The application that is registered at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret, where the provider wants one.
    pub secret: Option<Secret>,
}

/// An access token (RFC 6750). Debug shows its dates.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token.
    pub secret: SecretString,
    /// When it should be replaced. `None`: when it is refused.
    pub renew_at: Option<DateTime<Utc>>,
    /// When it expires, if the provider says so.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What the token endpoint issues.
#[derive(Debug)]
pub struct Issued {
    /// The access token.
    pub access: AccessToken,
    /// The refresh token, if there is a new one.
    pub refresh: Option<SecretString>,
    /// The granted scope, if it is not the requested one.
    pub scope: Option<String>,
}

impl AccessToken {
    /// A token issued at `now` for `lifetime` in seconds.
    pub fn issued(secret: SecretString, lifetime: Option<i64>, now: DateTime<Utc>) -> Self {
        // A year is as good as no limit, and a date beyond what can be written must not come out.
        let lifetime = lifetime.map(|seconds| TimeDelta::seconds(seconds.clamp(0, 365 * 24 * 3600)));
        let margin = |lifetime: TimeDelta| RENEWAL_MARGIN.min(lifetime / 5);
        Self {
            secret,
            renew_at: lifetime.map(|lifetime| now + lifetime - margin(lifetime)),
            expires_at: lifetime.map(|lifetime| now + lifetime),
        }
    }

    /// Whether it can be used without asking for another.
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        self.renew_at.is_none_or(|at| now < at)
    }

    /// Whether it is known to be valid still.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|at| now < at)
    }
}

/// Asks the token endpoint for a token.
///
/// # Errors
/// The provider cannot be reached, refuses, or answers something else.
pub async fn request(
    http: &HttpClient,
    endpoint: &Url,
    client: &Client,
    form: &[(&str, &str)],
    now: impl Fn() -> DateTime<Utc>,
) -> Result<Issued, OauthError> {
    let mut form = form.to_vec();
    form.push(("client_id", &client.id));
    let secret = client.secret.as_ref().map(|secret| secret.expose().expose_secret());
    form.extend(secret.map(|secret| ("client_secret", secret)));
    let is_secret = |(name, _): &&(&str, &str)| {
        matches!(*name, "client_secret" | "refresh_token" | "code" | "code_verifier" | "device_code")
    };
    let secrets: Vec<_> = form.iter().filter(is_secret).map(|(_, value)| *value).collect();
    // The lifetime begins before the request: a slow answer must not prolong it.
    let asked_at = now();
    let body = http.post(endpoint, &form, &secrets).await?;
    read(&body, asked_at).map_err(|reason| OauthError::NoAnswer {
        host: endpoint.host_str().unwrap_or_default().to_owned(),
        reason: reason.to_owned(),
    })
}

/// Reads a successful answer (RFC 6749, section 5.1).
fn read(body: &Value, now: DateTime<Utc>) -> Result<Issued, &'static str> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let access = text("access_token").ok_or("it issued no access token")?;
    if !is_token(access) {
        return Err("what it issued is not an access token");
    }
    if !text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err("the token is not a bearer token");
    }
    let lifetime = match body.get("expires_in") {
        None | Some(Value::Null) => None,
        Some(value) => Some(seconds(value).ok_or("expires_in is not a number")?),
    };
    let refresh = text("refresh_token").filter(|token| !token.is_empty());
    Ok(Issued {
        access: AccessToken::issued(access.to_owned().into(), lifetime, now),
        refresh: refresh.map(|token| token.to_owned().into()),
        scope: text("scope").map(str::to_owned),
    })
}

/// Some providers write the number as text.
pub fn seconds(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_f64().map(|seconds| seconds.clamp(0.0, 1e9) as i64),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Whether `text` can be sent as a token (RFC 6750, section 2.1: visible ASCII, and no more than a login can carry).
pub fn is_token(text: &str) -> bool {
    const MAX_BYTES: usize = 64 << 10;
    !text.is_empty() && text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_provider_may_issue() {
        let now = DateTime::UNIX_EPOCH;
        for (body, wanted) in [
            (
                json!({"access_token": "a", "token_type": "Bearer", "expires_in": 3600}),
                Ok((Some(3300), Some(3600))),
            ),
            (
                json!({"access_token": "a", "token_type": "bearer", "expires_in": "100"}),
                Ok((Some(80), Some(100))),
            ),
            (
                json!({"access_token": "a", "token_type": "Bearer", "expires_in": 3599.5}),
                Ok((Some(3299), Some(3599))),
            ),
            (json!({"access_token": "a", "token_type": "Bearer"}), Ok((None, None))),
            (json!({"access_token": "a", "token_type": "Bearer", "expires_in": -5}), Ok((Some(0), Some(0)))),
            (
                json!({"access_token": "a", "token_type": "Bearer", "expires_in": 1e300}),
                Ok((Some(31_535_700), Some(31_536_000))),
            ),
            (
                json!({"access_token": "a", "token_type": "Bearer", "expires_in": "soon"}),
                Err("expires_in is not a number"),
            ),
            (json!({"access_token": "a", "token_type": "DPoP"}), Err("the token is not a bearer token")),
            (json!({"access_token": "a"}), Err("the token is not a bearer token")),
            (
                json!({"access_token": "a b", "token_type": "Bearer"}),
                Err("what it issued is not an access token"),
            ),
            (
                json!({"access_token": "", "token_type": "Bearer"}),
                Err("what it issued is not an access token"),
            ),
            (json!({"token_type": "Bearer"}), Err("it issued no access token")),
        ] {
            let found = read(&body, now).map(|issued| {
                let seconds = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp());
                (seconds(issued.access.renew_at), seconds(issued.access.expires_at))
            });
            assert_eq!(found, wanted, "{body}");
        }
    }
}
