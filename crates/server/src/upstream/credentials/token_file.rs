//! A file with an access token that something else refreshes.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use smtp_submission::{BoxFuture, CredentialError, CredentialSource, Credentials, Wanted};
use zeroize::Zeroizing;

use crate::oauth::token::is_token;

/// Longer than any access token, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// A file that is read at each login. Its Debug shows the path.
pub(super) struct TokenFile {
    pub(super) username: String,
    pub(super) path: PathBuf,
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
            let read = tokio::task::spawn_blocking(move || read(&path)).await;
            let token = read.unwrap_or_else(|_| Err(io::Error::other("it could not be read")));
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
    // Opening a pipe would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    let token = text.trim();
    if token.is_empty() {
        return Err(io::Error::other("it is empty"));
    }
    if !is_token(token) {
        return Err(io::Error::other("it holds something else than an access token"));
    }
    Ok(token.to_owned().into())
}
