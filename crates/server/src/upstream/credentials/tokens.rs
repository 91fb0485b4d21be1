//! Access tokens as the credentials of a mailbox.

use smtp_submission::{BoxFuture, CredentialError, CredentialSource, Credentials, Wanted};

use crate::clock::Clock;
use crate::oauth::{AccessTokens, TokenError, TokenSource};

/// The access tokens of a mailbox.
pub(super) struct Tokens<S> {
    username: String,
    tokens: AccessTokens<S>,
}

impl<S: TokenSource> Tokens<S> {
    pub(super) fn new(username: String, source: S, clock: &Clock) -> Self {
        Self { username, tokens: AccessTokens::new(source, clock.clone()) }
    }
}

impl<S> std::fmt::Debug for Tokens<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl<S: TokenSource> CredentialSource for Tokens<S> {
    fn credentials<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Result<Credentials, CredentialError>> {
        Box::pin(async move {
            let refused = match wanted {
                Wanted::Current => None,
                Wanted::InsteadOf(refused) => Some(refused.secret()),
            };
            let token = self.tokens.get(refused).await;
            let failed = |TokenError { reason, is_permanent }| CredentialError { reason, is_permanent };
            Ok(Credentials::token(self.username.clone(), token.map_err(failed)?))
        })
    }
}
