//! Where the credentials of a server come from: its password, or a file with an access token that something else refreshes.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use smtp_submission::{BoxFuture, CredentialError, CredentialSource, Credentials, Wanted};

use crate::config::ServerConfig;

/// Longer than any access token.
const MAX_TOKEN: u64 = 64 << 10;

/// The source of the credentials of `config`, if it has a login.
pub(super) fn source(config: &ServerConfig) -> Option<Arc<dyn CredentialSource>> {
    let username = config.username.clone()?;
    if let Some(path) = config.token_file.clone() {
        return Some(Arc::new(TokenFile { username, path }));
    }
    let password = config.password.as_ref()?;
    Some(Arc::new(Credentials::password(username, password.expose().clone())))
}

/// A file that is read at each login. Its Debug shows the path.
struct TokenFile {
    username: String,
    path: PathBuf,
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
            Ok(Credentials::token(self.username.clone(), token.map_err(failed)?.into()))
        })
    }
}

/// The token in the file, without line breaks. The error shows nothing of it.
fn read(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut token = String::new();
    File::open(path)?.take(MAX_TOKEN + 1).read_to_string(&mut token)?;
    let token = token.trim();
    if token.is_empty() {
        return Err(io::Error::other("it is empty"));
    }
    if token.len() as u64 > MAX_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(io::Error::other("it holds something else than an access token"));
    }
    Ok(token.to_owned())
}
