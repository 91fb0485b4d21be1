//! Tokens of a stored login: one refresh for all processes (RFC 6749, section 6).

use std::io;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;
use tracing::{info, warn};

use super::access_tokens::{TokenError, TokenSource};
use super::discovery::secure_url;
use super::store::{LOCK_TIMEOUT, LoginLock};
use super::stored_login::StoredLogin;
use super::token::{self, Client};
use super::{AccessToken, HttpClient, LoginStore, OauthError, advice};
use crate::clock::Clock;

/// The login of one account, stored by `login`.
pub struct StoredTokens {
    /// The account.
    pub username: String,
    /// The application. It must be the one that signed in.
    pub client: Client,
    /// Where logins are stored.
    pub store: LoginStore,
    /// The clock.
    pub clock: Clock,
    /// For requests to the provider, once there is one.
    pub http: OnceCell<HttpClient>,
}

impl TokenSource for Arc<StoredTokens> {
    /// In its own task: a caller that leaves must not come between the provider's answer and its storage.
    async fn fetch(&self, refused: Option<&SecretString>) -> Result<AccessToken, TokenError> {
        let (login, refused) = (Self::clone(self), refused.cloned());
        let renewal = tokio::spawn(async move { login.current(refused.as_ref()).await });
        renewal.await.unwrap_or_else(|_| {
            Err(TokenError { reason: "the renewal of the token was stopped".to_owned(), is_permanent: false })
        })
    }
}

impl StoredTokens {
    /// The token that another process stored meanwhile, or else a refreshed one.
    async fn current(&self, refused: Option<&SecretString>) -> Result<AccessToken, TokenError> {
        let lock =
            self.store.lock(&self.username, LOCK_TIMEOUT).await.map_err(|error| self.storage(&error))?;
        let login = lock.read().map_err(|error| self.storage(&error))?;
        let login = login.ok_or_else(|| permanent(NOT_STORED.to_owned()))?;
        if login.account.client_id != self.client.id {
            return Err(permanent(OTHER_CLIENT.to_owned()));
        }
        let is_other = |token: &AccessToken| {
            refused.is_none_or(|refused| refused.expose_secret() != token.secret.expose_secret())
        };
        let stored = login.access_token().filter(|token| is_other(token) && token.is_fresh(self.now()));
        match stored {
            Some(token) => Ok(token),
            None => self.refresh(&lock, login).await,
        }
    }

    /// Exchanges the refresh token. Before the request the file says that one is under way: a process that is killed
    /// between the provider's answer and the next line leaves this mark, since the new refresh token is lost then.
    async fn refresh(&self, lock: &LoginLock, mut login: StoredLogin) -> Result<AccessToken, TokenError> {
        let Some(refresh_token) = login.refresh_token.clone() else {
            return Err(permanent(advice::refused_login(&login)));
        };
        let interrupted_at = login.refreshing_since.replace(self.now());
        // A disk that is full or read-only shows here, while the old refresh token is still good.
        lock.write(&login).await.map_err(|error| self.storage(&error))?;
        let issued = match self.ask(&login, &refresh_token).await {
            Ok(issued) => issued,
            Err(error) => return Err(self.note_failure(lock, login, &error, interrupted_at).await),
        };
        let access = issued.access.clone();
        login.renew(issued);
        if let Err(error) = lock.write(&login).await {
            warn!("the renewed login could not be stored, the next renewal may fail: {error}");
        }
        info!(expires_at = ?access.expires_at, "access token renewed");
        Ok(access)
    }

    async fn ask(
        &self,
        login: &StoredLogin,
        refresh_token: &SecretString,
    ) -> Result<token::Issued, OauthError> {
        let unusable = |reason| OauthError::Unsuitable(format!("the stored token endpoint: {reason}"));
        let endpoint = secure_url(&login.account.token_endpoint).map_err(unusable)?;
        let http = self.http.get_or_try_init(async || HttpClient::new(login.account.provider)).await?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        token::request(http, &endpoint, &self.client, &form, || self.now()).await
    }

    /// Stores what the failure means for the login.
    async fn note_failure(
        &self,
        lock: &LoginLock,
        mut login: StoredLogin,
        error: &OauthError,
        interrupted_at: Option<DateTime<Utc>>,
    ) -> TokenError {
        match error {
            // The provider may have acted on it: the mark stays.
            OauthError::NoAnswer { .. } => {}
            OauthError::Refused(refused) if refused.ends_the_login() => {
                login.refuse(refused, interrupted_at, self.now());
            }
            _ => login.refreshing_since = interrupted_at,
        }
        if let Err(error) = lock.write(&login).await {
            warn!("what the provider answered could not be stored: {error}");
        }
        if login.refusal.is_some() {
            return permanent(advice::refused_login(&login));
        }
        TokenError {
            reason: format!("the access token could not be renewed: {error}"),
            is_permanent: error.is_permanent(),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now().to_utc()
    }

    fn storage(&self, error: &io::Error) -> TokenError {
        let is_damaged = error.kind() == io::ErrorKind::Other;
        let may_pass = matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::StorageFull);
        let advice = if is_damaged { "; sign in again with `smtp-mcp-server login`" } else { "" };
        let path = self.store.directory().display();
        TokenError { reason: format!("the stored login in {path}: {error}{advice}"), is_permanent: !may_pass }
    }
}

const NOT_STORED: &str = "nobody has signed in to this account yet: run `smtp-mcp-server login microsoft`, \
    `login google` or `login --issuer URL` with the same settings";

const OTHER_CLIENT: &str = "the stored login belongs to another application than SMTP_OAUTH_CLIENT_ID names: \
    correct the setting, or sign in again with `smtp-mcp-server login`";

fn permanent(reason: String) -> TokenError {
    TokenError { reason, is_permanent: true }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::post;
    use chrono::DateTime;
    use tokio::net::TcpListener;
    use tokio::sync::Notify;

    use super::super::provider::Provider;
    use super::super::stored_login::Account;
    use super::*;

    const ANSWER: &str = r#"{"access_token": "new", "token_type": "Bearer", "refresh_token": "next"}"#;

    /// A login that has expired, at a provider on this machine.
    async fn expired(store: &LoginStore, token_endpoint: String) -> io::Result<()> {
        let account = Account {
            username: "ada".to_owned(),
            provider: Provider::Other,
            issuer: "http://127.0.0.1".to_owned(),
            token_endpoint,
            revocation_endpoint: None,
            client_id: "app".to_owned(),
            scope: "mail".to_owned(),
        };
        let past = DateTime::UNIX_EPOCH;
        let access = AccessToken::issued("old".to_owned().into(), Some(60), past);
        let issued = token::Issued { access, refresh: Some("used-once".to_owned().into()), scope: None };
        store.lock("ada", LOCK_TIMEOUT).await?.write(&StoredLogin::new(account, issued, past)).await
    }

    /// The call may have no time left, or its client may be gone: what the provider answers is stored all the same.
    #[tokio::test]
    async fn a_caller_that_leaves_loses_no_refresh_token() -> io::Result<()> {
        let (asked, released) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (arrived, wait) = (Arc::clone(&asked), Arc::clone(&released));
        let answer = async move || {
            arrived.notify_one();
            wait.notified().await;
            ANSWER
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}/token", listener.local_addr()?);
        tokio::spawn(axum::serve(listener, Router::new().route("/token", post(answer))).into_future());
        let folder = tempfile::tempdir()?;
        let store = LoginStore::new(folder.path());
        expired(&store, endpoint).await?;

        let tokens = Arc::new(StoredTokens {
            username: "ada".to_owned(),
            client: Client { id: "app".to_owned(), secret: None },
            store: store.clone(),
            clock: Clock::System,
            http: OnceCell::new(),
        });
        let caller = tokio::spawn(async move { tokens.fetch(None).await });
        asked.notified().await;
        caller.abort();
        assert!(caller.await.is_err_and(|error| error.is_cancelled()));
        released.notify_one();
        // Free when the renewal has ended.
        let login = store.lock("ada", LOCK_TIMEOUT).await?.read()?.unwrap();
        assert_eq!(login.refresh_token.as_ref().map(SecretString::expose_secret), Some("next"));
        assert!(login.refreshing_since.is_none());
        Ok(())
    }
}
