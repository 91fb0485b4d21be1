//! A file with an access token that something else refreshes.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use smtp_submission::{BoxFuture, CredentialError, CredentialSource, Credentials, Wanted};

use crate::blocking_work::BlockingWork;
use crate::file::regular;
use crate::oauth::token::is_token;

/// How long the file may take, which may be on a network file system.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// A file that is read at each login. Its Debug shows the path.
pub(super) struct TokenFile {
    pub(super) username: String,
    pub(super) path: PathBuf,
    pub(super) reading: BlockingWork,
}

impl std::fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl CredentialSource for TokenFile {
    /// A renewed token is what the file holds by now.
    fn credentials<'a>(&'a self, _: Wanted<'a>) -> BoxFuture<'a, Result<Credentials, CredentialError>> {
        Box::pin(async {
            let path = self.path.clone();
            let read = self.reading.run(TIME_LIMIT, move || read(&path)).await;
            let late = || format!("it could not be read within {} s", TIME_LIMIT.as_secs());
            let token = read.unwrap_or_else(|_| Err(io::Error::other(late())));
            let failed = |error| CredentialError {
                reason: format!("SMTP_TOKEN_FILE {}: {error}", self.path.display()),
                is_permanent: false,
            };
            Ok(Credentials::token(self.username.clone(), token.map_err(failed)?))
        })
    }
}

/// The token in the file, without line breaks. The error shows nothing of it.
fn read(path: &Path) -> io::Result<SecretString> {
    let bytes = regular::read(path)?;
    let token = std::str::from_utf8(&bytes).unwrap_or("not a token").trim();
    if token.is_empty() {
        return Err(io::Error::other("it is empty"));
    }
    if !is_token(token) {
        return Err(io::Error::other("it holds something else than an access token"));
    }
    Ok(token.into())
}
