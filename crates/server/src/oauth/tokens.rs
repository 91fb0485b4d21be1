//! Access tokens on demand: kept until they must be renewed, and renewed once for all who wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use secrecy::{ExposeSecret as _, SecretString};
use tracing::{debug, warn};

use super::AccessToken;
use crate::clock::Clock;

/// While a token is still valid, a renewal that failed is not tried again for this long.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Where new access tokens come from.
pub trait TokenSource: Send + Sync {
    /// Another access token than `refused`.
    fn fetch(
        &self,
        refused: Option<&SecretString>,
    ) -> impl Future<Output = Result<AccessToken, TokenError>> + Send;
}

/// Why there is no access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenError {
    /// What happened, and what to do; without a secret.
    pub reason: String,
    /// Waiting does not help.
    pub is_permanent: bool,
}

/// The access tokens of one account.
pub struct AccessTokens<S> {
    source: S,
    clock: Clock,
    /// Locked during a renewal, so that all who need a token wait for one renewal.
    current: tokio::sync::Mutex<Current>,
    has_warned: AtomicBool,
}

#[derive(Default)]
struct Current {
    token: Option<AccessToken>,
    failed_at: Option<Instant>,
}

impl<S: TokenSource> AccessTokens<S> {
    /// Nothing is fetched yet.
    pub fn new(source: S, clock: Clock) -> Self {
        Self { source, clock, current: tokio::sync::Mutex::default(), has_warned: AtomicBool::new(false) }
    }

    /// A token to log in with, which is not the one that was refused.
    ///
    /// # Errors
    /// None can be had now.
    pub async fn get(&self, refused: Option<&SecretString>) -> Result<SecretString, TokenError> {
        let mut current = self.current.lock().await;
        let (now, instant) = (self.clock.now().with_timezone(&Utc), self.clock.instant());
        let known = current.token.clone().filter(|token| !is_same(&token.secret, refused));
        let failed_recently =
            current.failed_at.is_some_and(|at| instant.saturating_duration_since(at) < RETRY_AFTER);
        if let Some(token) = &known
            && (token.is_fresh(now) || (failed_recently && token.is_valid(now)))
        {
            return Ok(token.secret.clone());
        }
        match self.source.fetch(refused).await {
            Ok(token) => {
                debug!(expires_at = ?token.expires_at, "a new access token");
                let secret = token.secret.clone();
                *current = Current { token: Some(token), failed_at: None };
                self.has_warned.store(false, Ordering::Relaxed);
                Ok(secret)
            }
            Err(error) => {
                current.failed_at = Some(instant);
                let valid = known.filter(|token| token.is_valid(now)).ok_or_else(|| error.clone())?;
                if !self.has_warned.swap(true, Ordering::Relaxed) {
                    warn!(expires_at = ?valid.expires_at, "the access token could not be renewed and is used until it expires: {}", error.reason);
                }
                Ok(valid.secret)
            }
        }
    }
}

fn is_same(secret: &SecretString, refused: Option<&SecretString>) -> bool {
    refused.is_some_and(|refused| refused.expose_secret() == secret.expose_secret())
}
