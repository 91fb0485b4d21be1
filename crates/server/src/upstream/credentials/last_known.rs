//! Remembers the credentials that a source gave last.

use std::sync::{Mutex, PoisonError};

use smtp_submission::{BoxFuture, CredentialError, CredentialSource, Credentials, Wanted};

/// A source whose last credentials are known to the next session, which hides them from its first byte. Its Debug shows none.
#[derive(Debug)]
pub(super) struct LastKnown<S> {
    source: S,
    last: Mutex<Credentials>,
}

impl<S: CredentialSource> LastKnown<S> {
    /// Until the source has been asked, only the user name is known.
    pub(super) fn new(username: &str, source: S) -> Self {
        Self { source, last: Mutex::new(Credentials::password(username, String::new().into())) }
    }
}

impl<S: CredentialSource> CredentialSource for LastKnown<S> {
    fn credentials<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Result<Credentials, CredentialError>> {
        Box::pin(async move {
            let credentials = self.source.credentials(wanted).await?;
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = credentials.sharing(&last);
            Ok(last.clone())
        })
    }

    fn known(&self) -> Option<Credentials> {
        Some(self.last.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
