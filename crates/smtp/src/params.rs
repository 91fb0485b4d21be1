//! How to reach a server, how to log in, and how long to wait.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// Everything needed to open a session with a server.
#[derive(Debug, Clone)]
pub struct ServerParams {
    /// Host name or address literal, for the connection and for the certificate.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The source of the credentials, if the server requires a login.
    pub credentials: Option<Arc<dyn CredentialSource>>,
    /// Allow a login without TLS.
    pub allow_plaintext_login: bool,
    /// The name sent with EHLO. `None`: an address literal of the connection's local address.
    pub ehlo_name: Option<String>,
    /// Send several commands at a time if the server offers PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// Send the content with BDAT if the server offers CHUNKING (RFC 3030).
    pub chunking: bool,
    /// How long each phase may take.
    pub limits: Limits,
}

/// How a connection is protected.
#[derive(Clone)]
pub enum Security {
    /// Plaintext.
    None,
    /// STARTTLS (RFC 3207), required.
    StartTls(Arc<rustls::ClientConfig>),
    /// Implicit TLS (RFC 8314).
    Implicit(Arc<rustls::ClientConfig>),
}

/// A user name, and a password or an access token. Debug shows none of it.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) username: String,
    pub(crate) secret: Arc<SecretString>,
    pub(crate) kind: SecretKind,
}

/// What the secret of a login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretKind {
    /// A password.
    Password,
    /// An OAuth 2.0 access token (RFC 6750).
    Token,
}

impl Credentials {
    /// A user name and its password.
    pub fn password(username: impl Into<String>, password: SecretString) -> Self {
        Self::shared_password(username, Arc::new(password))
    }

    /// The same with a password that others have, too: it is in memory once.
    pub fn shared_password(username: impl Into<String>, password: Arc<SecretString>) -> Self {
        Self { username: username.into(), secret: password, kind: SecretKind::Password }
    }

    /// The password or token.
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// These credentials, sharing the password or token of `other` if it is the same: so it is in memory once.
    pub fn sharing(self, other: &Self) -> Self {
        if other.has_secret(&self.secret) { Self { secret: Arc::clone(&other.secret), ..self } } else { self }
    }

    /// Whether `secret` is the password or token.
    pub(crate) fn has_secret(&self, secret: &SecretString) -> bool {
        self.secret.expose_secret() == secret.expose_secret()
    }

    /// A user name and an OAuth 2.0 access token for its mailbox.
    pub fn token(username: impl Into<String>, access_token: SecretString) -> Self {
        Self { username: username.into(), secret: Arc::new(access_token), kind: SecretKind::Token }
    }
}

/// Where the credentials of a login come from. It is asked each time a session logs in, so they may expire.
/// Its Debug shows no secret.
pub trait CredentialSource: fmt::Debug + Send + Sync {
    /// The credentials to log in with now. A source that may wait limits its own time.
    ///
    /// # Errors
    /// There are none at the moment. The session is not opened then, and the failure is the server's as any other
    /// failed login.
    fn credentials<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Result<Credentials, CredentialError>>;

    /// What is known of them without waiting: it is hidden in what the server says before the login, too.
    fn known(&self) -> Option<Credentials> {
        None
    }
}

/// Which credentials a login asks for.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// Those that are valid as far as known.
    Current,
    /// A new token instead of this one, which the server has just refused.
    InsteadOf(&'a Credentials),
}

/// A future that a [`CredentialSource`] returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CredentialError {
    /// What happened and what to do, without a secret.
    pub reason: String,
    /// Waiting does not help: somebody has to do something.
    pub is_permanent: bool,
}

/// Credentials that do not change.
impl CredentialSource for Credentials {
    fn credentials<'a>(&'a self, _: Wanted<'a>) -> BoxFuture<'a, Result<Credentials, CredentialError>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }

    fn known(&self) -> Option<Credentials> {
        Some(self.clone())
    }
}

/// Time limits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// To connect, TLS handshake included.
    pub connect: Duration,
    /// For each reply before the end of the data.
    pub command: Duration,
    /// For each write of content to make progress.
    pub content: Duration,
    /// For the reply to the end of the data: RFC 5321, section 4.5.3.2.6, requires ten minutes; less leads to duplicates.
    pub end_of_data: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_secs(30),
            content: Duration::from_secs(180),
            end_of_data: Duration::from_secs(600),
        }
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::StartTls(_) => "StartTls",
            Self::Implicit(_) => "Implicit",
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}
