//! Signing in on another device (RFC 8628): the person opens a page anywhere and enters a short code.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use url::Url;

use super::discovery::Metadata;
use super::token::{self, Client, Issued};
use super::{HttpClient, OauthError, printable};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Between two questions, if the provider does not say.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// What a provider may ask for.
const INTERVALS: std::ops::RangeInclusive<i64> = 1..=60;
/// What `slow_down` adds (RFC 8628, section 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// No person takes longer.
const MAX_LIFETIME: i64 = 3600;

/// A sign-in that waits for the person.
pub struct DeviceLogin {
    /// The page to open.
    pub page: String,
    /// The code to enter there.
    pub user_code: String,
    /// How long the code is valid.
    pub lifetime: Duration,
    device_code: SecretString,
    interval: Duration,
    began: Instant,
}

/// Asks for a code.
///
/// # Errors
/// The provider has no device flow, refuses, or cannot be reached.
pub async fn begin(
    http: &HttpClient,
    metadata: &Metadata,
    client: &Client,
    scope: &str,
) -> Result<DeviceLogin, OauthError> {
    let endpoint = metadata.device_authorization_endpoint.as_ref().ok_or_else(|| {
        OauthError::Unsuitable(format!("{} has no sign-in with a code; use --browser", metadata.issuer))
    })?;
    let secret = client.secret.as_ref().map(|secret| secret.expose().expose_secret());
    let mut form = vec![("client_id", client.id.as_str()), ("scope", scope)];
    form.extend(secret.map(|secret| ("client_secret", secret)));
    let body = http.post(endpoint, &form, &secret.into_iter().collect::<Vec<_>>()).await?;
    let host = endpoint.host_str().unwrap_or_default().to_owned();
    read(&body).map_err(|reason| OauthError::NoAnswer { host, reason })
}

fn read(body: &Value) -> Result<DeviceLogin, String> {
    let text =
        |name: &str| body.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} is missing"));
    // Google's name for it is older than the RFC.
    let page = text("verification_uri").or_else(|missing| text("verification_url").map_err(|_| missing))?;
    let page = Url::parse(page).map_err(|error| format!("verification_uri: {error}"))?;
    if !matches!(page.scheme(), "https" | "http") {
        return Err("verification_uri is not a web page".to_owned());
    }
    let seconds = |name: &str| body.get(name).and_then(token::seconds);
    let lifetime = seconds("expires_in").ok_or("expires_in is missing")?.clamp(1, MAX_LIFETIME);
    let interval = seconds("interval").map(|interval| interval.clamp(*INTERVALS.start(), *INTERVALS.end()));
    Ok(DeviceLogin {
        page: page.to_string(),
        user_code: printable(text("user_code")?),
        lifetime: Duration::from_secs(lifetime.unsigned_abs()),
        device_code: text("device_code")?.to_owned().into(),
        interval: interval.map_or(DEFAULT_INTERVAL, |interval| Duration::from_secs(interval.unsigned_abs())),
        began: Instant::now(),
    })
}

impl DeviceLogin {
    /// Waits until the person has signed in. A provider that cannot be reached for a while is asked again.
    ///
    /// # Errors
    /// The person refused, the code expired, or the provider refuses for another reason.
    pub async fn wait(
        self,
        http: &HttpClient,
        metadata: &Metadata,
        client: &Client,
        now: impl Fn() -> DateTime<Utc>,
    ) -> Result<Issued, OauthError> {
        let form = [("grant_type", GRANT), ("device_code", self.device_code.expose_secret())];
        let deadline = self.began + self.lifetime;
        let mut interval = self.interval;
        loop {
            sleep(interval).await;
            match token::request(http, &metadata.token_endpoint, client, &form, &now).await {
                Err(OauthError::Refused(error)) if error.code == "authorization_pending" => {}
                Err(OauthError::Refused(error)) if error.code == "slow_down" => interval += SLOW_DOWN,
                Err(error @ (OauthError::Unreachable { .. } | OauthError::NoAnswer { .. })) => {
                    if Instant::now() >= deadline {
                        return Err(error);
                    }
                }
                done => return done,
            }
            if Instant::now() >= deadline {
                return Err(OauthError::Unsuitable(
                    "nobody entered the code in time; start `login` again".to_owned(),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_provider_answers_to_a_device() {
        let good = json!({
            "device_code": "d", "user_code": "A\u{1b}[31mB", "verification_uri": "https://example.org/device",
            "expires_in": 900, "interval": 0,
        });
        let login = read(&good).ok().unwrap();
        assert_eq!(
            (login.page.as_str(), login.user_code.as_str()),
            ("https://example.org/device", "A [31mB")
        );
        assert_eq!((login.lifetime.as_secs(), login.interval.as_secs()), (900, 1));
        for (name, value, problem) in [
            ("verification_uri", json!("javascript:alert(1)"), "verification_uri is not a web page"),
            ("verification_uri", json!(null), "verification_uri is missing"),
            ("device_code", json!(7), "device_code is missing"),
            ("expires_in", json!("soon"), "expires_in is missing"),
        ] {
            let mut body = good.clone();
            body[name] = value;
            assert_eq!(read(&body).err().as_deref(), Some(problem));
        }
    }
}
