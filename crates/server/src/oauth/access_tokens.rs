//! Access tokens on demand: kept until they must be renewed, and renewed once for all who wait.

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};
use tracing::{debug, warn};

use super::AccessToken;
use crate::address::without_addresses;
use crate::clock::Clock;

/// While a token is still valid, a renewal that failed is not tried again for this long.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Without a valid token, a failure stands for this long: many mails that wait must not ask one after the other.
const PAUSE: Duration = Duration::from_secs(10);

/// A server that refuses each new token does not get another one sooner than this: the account or the permission is
/// wrong, not the token.
const REPLACEMENT_PAUSE: Duration = Duration::from_secs(5 * 60);

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
}

#[derive(Default)]
struct Current {
    token: Option<AccessToken>,
    failure: Option<(Instant, TokenError)>,
    /// When a token was last replaced because it was refused.
    replaced_at: Option<Instant>,
}

impl<S: TokenSource> AccessTokens<S> {
    /// Nothing is fetched yet.
    pub fn new(source: S, clock: Clock) -> Self {
        Self { source, clock, current: tokio::sync::Mutex::default() }
    }

    /// A token to log in with. Instead of one that was refused it is a new one, unless that has been tried lately.
    ///
    /// # Errors
    /// None can be had now.
    pub async fn get(&self, refused: Option<&SecretString>) -> Result<SecretString, TokenError> {
        let mut current = self.current.lock().await;
        let (now, instant) = (self.clock.now().to_utc(), self.clock.instant());
        if let (Some(token), Some(at)) = (&current.token, current.replaced_at)
            && is_same(&token.secret, refused)
            && (token.expires_at.is_none() || token.is_valid(now))
            && instant.saturating_duration_since(at) < REPLACEMENT_PAUSE
        {
            return Ok(token.secret.clone());
        }
        let known = current.token.clone().filter(|token| !is_same(&token.secret, refused));
        if let Some(token) = known.as_ref().filter(|token| token.is_fresh(now)) {
            return Ok(token.secret.clone());
        }
        let valid = known.filter(|token| token.is_valid(now));
        if let Some((failed_at, error)) = &current.failure {
            let since = instant.saturating_duration_since(*failed_at);
            match valid {
                Some(token) if since < RETRY_AFTER => return Ok(token.secret),
                None if since < PAUSE => return Err(error.clone()),
                _ => {}
            }
        }
        match self.source.fetch(refused).await {
            Ok(token) => {
                debug!(expires_at = ?token.expires_at, "a new access token");
                let secret = token.secret.clone();
                let replaced_at = if refused.is_some() { Some(instant) } else { current.replaced_at };
                *current = Current { token: Some(token), failure: None, replaced_at };
                Ok(secret)
            }
            Err(error) => {
                let is_news = current.failure.replace((self.clock.instant(), error.clone())).is_none();
                let valid = valid.ok_or_else(|| error.clone())?;
                if is_news {
                    warn!(expires_at = ?valid.expires_at, "the access token is used until it expires: {}", without_addresses(&error.reason));
                }
                Ok(valid.secret)
            }
        }
    }
}

fn is_same(secret: &SecretString, refused: Option<&SecretString>) -> bool {
    refused.is_some_and(|refused| refused.expose_secret() == secret.expose_secret())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use chrono::DateTime;

    use super::*;

    const DOWN: &str = "down for ada@example.org";

    /// Issues `one`, `two`, … for 1000 s each, or fails, after a second.
    struct Source {
        clock: Clock,
        ends: Mutex<VecDeque<Option<&'static str>>>,
    }

    impl TokenSource for Source {
        async fn fetch(&self, _: Option<&SecretString>) -> Result<AccessToken, TokenError> {
            tokio::task::yield_now().await;
            let end = self.ends.lock().unwrap().pop_front().expect("it was asked too often");
            let now = self.clock.now().to_utc();
            self.clock.advance(Duration::from_secs(1));
            let failed = || TokenError { reason: DOWN.to_owned(), is_permanent: false };
            end.map(|token| AccessToken::issued(token.to_owned().into(), Some(1000), now)).ok_or_else(failed)
        }
    }

    fn tokens(ends: &[Option<&'static str>]) -> (AccessTokens<Source>, Clock) {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let source = Source { clock: clock.clone(), ends: Mutex::new(ends.iter().copied().collect()) };
        (AccessTokens::new(source, clock.clone()), clock)
    }

    async fn get(tokens: &AccessTokens<Source>, refused: Option<&str>) -> Result<String, String> {
        let refused = refused.map(|refused| SecretString::from(refused.to_owned()));
        let token = tokens.get(refused.as_ref()).await;
        token.map(|token| token.expose_secret().to_owned()).map_err(|error| error.reason)
    }

    fn ok(token: &str) -> Result<String, String> {
        Ok(token.to_owned())
    }

    #[tokio::test]
    async fn a_token_is_kept_until_a_fifth_of_its_life_is_left() {
        let (tokens, clock) = tokens(&[Some("one"), Some("two")]);
        assert_eq!(get(&tokens, None).await, ok("one"));
        clock.advance(Duration::from_secs(798));
        assert_eq!(get(&tokens, None).await, ok("one"));
        clock.advance(Duration::from_secs(2));
        assert_eq!(get(&tokens, None).await, ok("two"));
    }

    #[tokio::test]
    async fn a_valid_token_survives_a_provider_that_is_down() {
        let (tokens, clock) = tokens(&[Some("one"), None, None, None, Some("two")]);
        assert_eq!(get(&tokens, None).await, ok("one"));
        clock.advance(Duration::from_secs(900));
        for _ in 0..3 {
            assert_eq!(get(&tokens, None).await, ok("one"), "one question, and half a minute of rest");
        }
        clock.advance(Duration::from_secs(40));
        assert_eq!(get(&tokens, None).await, ok("one"));
        clock.advance(Duration::from_secs(100));
        assert_eq!(get(&tokens, None).await, Err(DOWN.to_owned()), "it has expired");
        clock.advance(Duration::from_secs(10));
        assert_eq!(get(&tokens, None).await, ok("two"));
    }

    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A provider may quote whom it refused.
    #[tokio::test]
    async fn the_log_tells_of_a_failed_renewal_without_addresses() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&log);
        let lines = tracing_subscriber::fmt().with_writer(move || Log(Arc::clone(&writer))).finish();
        let _guard = tracing::subscriber::set_default(lines);
        let (tokens, clock) = tokens(&[Some("one"), None]);
        assert_eq!(get(&tokens, None).await, ok("one"));
        clock.advance(Duration::from_secs(900));
        assert_eq!(get(&tokens, None).await, ok("one"));
        let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        assert!(
            log.contains("used until it expires: down for ***@example.org") && !log.contains("ada"),
            "{log}"
        );
    }

    #[tokio::test]
    async fn a_refused_token_is_replaced_once() {
        let (tokens, _) = tokens(&[Some("one"), Some("two")]);
        assert_eq!(get(&tokens, None).await, ok("one"));
        let refused = Some("one");
        let all = tokio::join!(get(&tokens, refused), get(&tokens, refused), get(&tokens, None));
        assert_eq!(all, (ok("two"), ok("two"), ok("two")));
    }

    #[tokio::test]
    async fn a_server_that_refuses_every_token_gets_no_more_of_them() {
        let (tokens, clock) = tokens(&[Some("one"), Some("two"), Some("three")]);
        assert_eq!(get(&tokens, None).await, ok("one"));
        assert_eq!(get(&tokens, Some("one")).await, ok("two"));
        assert_eq!(get(&tokens, Some("two")).await, ok("two"));
        clock.advance(Duration::from_secs(300));
        assert_eq!(get(&tokens, Some("two")).await, ok("three"));
    }

    #[tokio::test]
    async fn those_who_wait_share_what_comes() {
        let (tokens, clock) = tokens(&[None, Some("one")]);
        let down = || Err(DOWN.to_owned());
        let all = tokio::join!(get(&tokens, None), get(&tokens, None), get(&tokens, None));
        assert_eq!(all, (down(), down(), down()));
        clock.advance(Duration::from_secs(10));
        let all = tokio::join!(get(&tokens, None), get(&tokens, None));
        assert_eq!(all, (ok("one"), ok("one")));
    }
}
