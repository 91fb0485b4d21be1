//! Stored logins: a file for each account, which only its owner can read, written as a whole or not at all, and changed by one
//! process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::stored_login::StoredLogin;
use crate::file::regular;

/// Longer than the holder of a lock takes to renew a login.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// Between two attempts to take a lock that another process has.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// A directory of stored logins.
#[derive(Debug, Clone)]
pub struct LoginStore {
    directory: PathBuf,
}

/// The exclusive right to change one login; released when it is dropped, or by the system when the process ends.
#[derive(Debug)]
pub struct LoginLock {
    path: PathBuf,
    _file: File,
}

impl LoginStore {
    /// The store in a state directory; nothing is created yet.
    pub fn new(state_dir: &Path) -> Self {
        Self { directory: state_dir.join("logins") }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the login of `username` is stored.
    pub fn path(&self, username: &str) -> PathBuf {
        self.directory.join(format!("{}.json", file_name(username)))
    }

    /// Every stored login, by file name; those that cannot be read with the reason.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn all(&self) -> io::Result<Vec<(PathBuf, io::Result<StoredLogin>)>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let login = |path: &PathBuf| read(path).and_then(|login| login.ok_or(io::ErrorKind::NotFound.into()));
        Ok(paths.into_iter().map(|path| (path.clone(), login(&path))).collect())
    }

    /// Takes the lock of a login, within a time limit.
    ///
    /// # Errors
    /// Another process has it all the time, or the directory cannot be written.
    pub async fn lock(&self, username: &str, within: Duration) -> io::Result<LoginLock> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let path = self.path(username);
        let file = private().create(true).truncate(false).open(path.with_extension("lock"))?;
        let deadline = Instant::now() + within;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(LoginLock { path, _file: file }),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    let seconds = within.as_secs();
                    let reason = format!("another process has been changing the login for {seconds} s");
                    return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
                }
                Err(TryLockError::WouldBlock) => sleep(LOCK_INTERVAL).await,
            }
        }
    }
}

impl LoginLock {
    /// The login as it is now, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or is not a login.
    pub fn read(&self) -> io::Result<Option<StoredLogin>> {
        read(&self.path)
    }

    /// Replaces the login: it is on the disk when this returns, and whoever reads meanwhile gets the old one or the new one.
    ///
    /// # Errors
    /// It cannot be written; then the old one is still there.
    pub async fn write(&self, login: &StoredLogin) -> io::Result<()> {
        let (path, login) = (self.path.clone(), login.clone());
        let written = tokio::task::spawn_blocking(move || write(&path, &login)).await;
        written.unwrap_or_else(|_| Err(io::Error::other("it could not be written")))
    }

    /// Forgets the login.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }
}

fn write(path: &Path, login: &StoredLogin) -> io::Result<()> {
    let text = Zeroizing::new(serde_json::to_vec_pretty(login)?);
    let new = path.with_extension("new");
    // What a killed process left behind may have other permissions.
    remove(&new)?;
    let mut file = private().create_new(true).open(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The rename itself.
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    options.write(true).mode(0o600).custom_flags(no_follow | regular::OPEN_FLAGS);
    options
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> io::Result<Option<StoredLogin>> {
    match regular::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => StoredLogin::parse(&text?).map(Some),
    }
}

/// A user name as a file name: what may mean something in a path is percent-encoded.
fn file_name(username: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@_+-".contains(&byte);
    let mut name = String::new();
    for (at, byte) in username.bytes().enumerate() {
        if is_plain(byte) || (byte == b'.' && at > 0) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use chrono::DateTime;

    use super::super::provider::Provider;
    use super::super::stored_login::Account;
    use super::super::token::{AccessToken, Issued};
    use super::*;

    #[test]
    fn a_user_name_is_a_file_name() {
        for (username, name) in [
            ("ada@example.org", "ada@example.org"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            (".hidden", "%2Ehidden"),
            ("jürgen", "j%C3%BCrgen"),
            ("a%2Fb", "a%252Fb"),
        ] {
            assert_eq!(file_name(username), name);
        }
    }

    fn login() -> StoredLogin {
        let account = Account {
            username: "ada".to_owned(),
            provider: Provider::Other,
            issuer: "https://id.example.org".to_owned(),
            token_endpoint: "https://id.example.org/token".to_owned(),
            revocation_endpoint: None,
            client_id: "app".to_owned(),
            scope: "mail".to_owned(),
        };
        let now = DateTime::UNIX_EPOCH;
        let access = AccessToken::issued("an-access-token".to_owned().into(), Some(3600), now);
        StoredLogin::new(account, Issued { access, refresh: None, scope: None }, now)
    }

    #[tokio::test]
    async fn one_process_at_a_time_changes_a_login() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let store = LoginStore::new(folder.path());
        let lock = store.lock("ada", Duration::ZERO).await?;
        let refused = store.lock("ada", Duration::ZERO).await.map(drop).map_err(|error| error.kind());
        assert_eq!(refused, Err(io::ErrorKind::TimedOut));
        store.lock("grace", Duration::ZERO).await?;
        // Left behind by a process that was killed, readable by others.
        fs::write(store.path("ada").with_extension("new"), "half")?;
        lock.write(&login()).await?;
        assert_eq!(fs::metadata(store.path("ada"))?.permissions().mode() & 0o777, 0o600);
        drop(lock);
        let lock = store.lock("ada", Duration::ZERO).await?;
        assert!(lock.read()?.is_some_and(|login| login.access_token().is_some()));
        assert_eq!(store.all()?.len(), 1);
        lock.remove()?;
        assert!(lock.read()?.is_none());
        Ok(())
    }

    #[tokio::test]
    async fn what_is_no_login_is_refused_and_not_quoted() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let store = LoginStore::new(folder.path());
        let lock = store.lock("ada", Duration::ZERO).await?;
        lock.write(&login()).await?;
        let text = fs::read_to_string(store.path("ada"))?;
        for (text, problem) in [
            (text[..text.len() / 2].to_owned(), "it is damaged at line"),
            (
                text.replace("\"version\": 1", "\"version\": 2, \"more\": {}"),
                "a newer version of this program wrote it",
            ),
            (text.replace("\"client_id\"", "\"client\""), "it is damaged at line"),
            (String::new(), "it is damaged at line"),
        ] {
            fs::write(store.path("ada"), &text)?;
            let error = lock.read().map(drop).map_err(|error| error.to_string()).unwrap_err();
            assert!(error.starts_with(problem) && !error.contains("token"), "{error}");
        }
        Ok(())
    }
}
