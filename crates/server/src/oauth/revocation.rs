//! Ending a login at the provider (RFC 7009).

use secrecy::ExposeSecret as _;

use super::discovery::secure_url;
use super::stored_login::StoredLogin;
use super::{Client, HttpClient, OauthError};

/// Revokes the refresh token, and with it the access tokens. False: the provider has no way to do that, or there is nothing
/// to revoke.
///
/// # Errors
/// The provider cannot be reached, or refuses.
pub async fn revoke(http: &HttpClient, login: &StoredLogin, client: &Client) -> Result<bool, OauthError> {
    let (Some(endpoint), Some(token)) = (&login.account.revocation_endpoint, &login.refresh_token) else {
        return Ok(false);
    };
    let unusable = |reason| OauthError::Unsuitable(format!("the stored revocation endpoint: {reason}"));
    let endpoint = secure_url(endpoint).map_err(unusable)?;
    let secret = client.secret.as_ref().map(|secret| secret.expose().expose_secret());
    let mut form = vec![
        ("token", token.expose_secret()),
        ("token_type_hint", "refresh_token"),
        ("client_id", client.id.as_str()),
    ];
    form.extend(secret.map(|secret| ("client_secret", secret)));
    let secrets: Vec<_> = std::iter::once(token.expose_secret()).chain(secret).collect();
    http.post(&endpoint, &form, &secrets).await?;
    Ok(true)
}
