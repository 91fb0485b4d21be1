//! A provider's endpoints: OpenID Connect Discovery, or RFC 8414.

use serde_json::Value;
use url::{Host, Url};

use super::provider::Provider;
use super::{HttpClient, OauthError};

/// What a provider says of itself.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// The provider.
    pub provider: Provider,
    /// The issuer, as configured.
    pub issuer: String,
    /// Where access tokens are issued.
    pub token_endpoint: Url,
    /// Where a person signs in with a browser.
    pub authorization_endpoint: Option<Url>,
    /// Where a device asks for a code (RFC 8628).
    pub device_authorization_endpoint: Option<Url>,
    /// Where tokens are revoked (RFC 7009).
    pub revocation_endpoint: Option<Url>,
}

/// A URL that secrets may be sent to: `https`, or `http` on this machine.
///
/// # Errors
/// It is another URL; what is expected.
pub fn secure_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err("it has no host".to_owned()),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        _ => return Err("it is not https".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("it has a user name or a fragment".to_owned());
    }
    Ok(url)
}

/// Asks the issuer for its endpoints.
///
/// # Errors
/// It cannot be asked, or its answer is not that of this issuer.
pub async fn discover(http: &HttpClient, issuer: &str, provider: Provider) -> Result<Metadata, OauthError> {
    let unsuitable = |reason: String| OauthError::Unsuitable(format!("the issuer {issuer:?}: {reason}"));
    let url = secure_url(issuer).map_err(unsuitable)?;
    let mut failure = None;
    for place in places(&url) {
        match http.get(&place).await {
            Ok(body) => return read(&body, issuer, provider).map_err(unsuitable),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| unsuitable("it names no endpoints".to_owned())))
}

/// Where the metadata may be: behind the issuer's path (OpenID Connect Discovery 1.0, section 4), or before it (RFC 8414,
/// section 3.1).
fn places(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/').to_owned();
    let at = |path: String| {
        let mut place = issuer.clone();
        place.set_path(&path);
        place
    };
    vec![
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
    ]
}

fn read(body: &Value, issuer: &str, provider: Provider) -> Result<Metadata, String> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let endpoint = |name: &str| match text(name) {
        None => Ok(None),
        Some(url) => {
            secure_url(url).map(Some).map_err(|reason| format!("its {name} is not usable: {reason}"))
        }
    };
    let named = text("issuer").unwrap_or_default();
    if !is_same_issuer(named, issuer, provider) {
        return Err(format!("it calls itself {:?}", super::printable(named)));
    }
    Ok(Metadata {
        provider,
        issuer: issuer.to_owned(),
        token_endpoint: endpoint("token_endpoint")?.ok_or("it names no token_endpoint")?,
        authorization_endpoint: endpoint("authorization_endpoint")?,
        device_authorization_endpoint: endpoint("device_authorization_endpoint")?,
        revocation_endpoint: endpoint("revocation_endpoint")?,
    })
}

/// The two must be identical (RFC 8414, section 3.3). Microsoft's shared tenants answer with a template or with the
/// directory's id.
fn is_same_issuer(named: &str, issuer: &str, provider: Provider) -> bool {
    let same = named.trim_end_matches('/') == issuer.trim_end_matches('/');
    let origin = |text: &str| Url::parse(&text.replace("{tenantid}", "common")).ok().map(|url| url.origin());
    same || (provider == Provider::Microsoft && origin(named).is_some() && origin(named) == origin(issuer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_only_to_https_or_to_this_machine() {
        for (text, is_fine) in [
            ("https://login.microsoftonline.com/common/v2.0", true),
            ("http://127.0.0.1:8080/x", true),
            ("http://[::1]/", true),
            ("http://localhost:1", true),
            ("http://example.org", false),
            ("http://127.0.0.1.example.org", false),
            ("https://user@example.org", false),
            ("https://example.org/#x", false),
            ("ftp://127.0.0.1", false),
            ("data:text/plain,x", false),
            ("example.org", false),
        ] {
            assert_eq!(secure_url(text).is_ok(), is_fine, "{text}");
        }
    }

    #[test]
    fn the_metadata_must_be_the_issuers() {
        use Provider::{Google, Microsoft, Other};
        let common = "https://login.microsoftonline.com/common/v2.0";
        for (named, issuer, provider, is_same) in [
            ("https://id.example.org", "https://id.example.org/", Other, true),
            ("https://id.example.org/a", "https://id.example.org/b", Other, false),
            ("https://accounts.google.com", "https://accounts.google.com", Google, true),
            ("https://evil.example", "https://accounts.google.com", Google, false),
            ("https://login.microsoftonline.com/{tenantid}/v2.0", common, Microsoft, true),
            ("https://login.microsoftonline.com/6c7f/v2.0", common, Microsoft, true),
            ("https://evil.example/{tenantid}/v2.0", common, Microsoft, false),
        ] {
            assert_eq!(is_same_issuer(named, issuer, provider), is_same, "{named} {issuer}");
        }
    }

    #[test]
    fn the_places_of_the_metadata() {
        let found = places(&Url::parse("https://id.example.org/realms/a/").unwrap());
        let found: Vec<_> = found.iter().map(Url::as_str).collect();
        assert_eq!(
            found,
            [
                "https://id.example.org/realms/a/.well-known/openid-configuration",
                "https://id.example.org/.well-known/oauth-authorization-server/realms/a",
            ]
        );
    }
}
