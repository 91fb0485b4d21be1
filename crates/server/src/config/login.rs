//! How the program logs in to a server: with a password or with an access token, and where either comes from.

use std::path::{Path, PathBuf};

use super::SecretFile;
use crate::secret::Secret;

/// Everything about a server's login except the user name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LoginConfig {
    /// What the login is made with.
    pub auth: AuthMethod,
    /// The password.
    pub password: Option<Secret>,
    /// The password, in a file.
    pub password_file: Option<SecretFile>,
    /// A command that prints the password.
    pub password_command: Option<CommandLine>,
    /// A file with an access token.
    pub token_file: Option<PathBuf>,
    /// A command that prints an access token.
    pub token_command: Option<CommandLine>,
    /// The application registered at the provider.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<Secret>,
    /// The issuer from which the application gets tokens for itself.
    pub issuer: Option<String>,
    /// The scope that it asks for.
    pub scope: Option<String>,
}

/// What a login is made with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthMethod {
    /// Whatever is set.
    #[default]
    Auto,
    /// A password.
    Password,
    /// An OAuth 2.0 access token.
    OAuth,
}

/// A command of the user.
#[derive(Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// A line for the shell.
    Shell(String),
    /// A program and its arguments.
    Program(Vec<String>),
}

/// It may contain a secret.
impl std::fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CommandLine(…)")
    }
}

/// Where the credentials of a login come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LoginSource<'a> {
    /// The configuration.
    Password(&'a Secret),
    /// A command that prints a password.
    PasswordCommand(&'a CommandLine),
    /// A file with an access token.
    TokenFile(&'a Path),
    /// A command that prints an access token.
    TokenCommand(&'a CommandLine),
    /// Client credentials at this issuer.
    ClientCredentials(&'a str),
    /// The login that `login` stored.
    Stored,
}

impl LoginConfig {
    /// A login with a password.
    pub fn with_password(password: Secret) -> Self {
        Self { password: Some(password), ..Self::default() }
    }

    /// The source in use. `None`: there is no login.
    pub fn source(&self) -> Option<LoginSource<'_>> {
        match self.auth {
            AuthMethod::Password => self.password_source(),
            AuthMethod::OAuth => self.token_source().or(Some(LoginSource::Stored)),
            AuthMethod::Auto => {
                let stored = || self.client_id.is_some().then_some(LoginSource::Stored);
                self.password_source().or_else(|| self.token_source()).or_else(stored)
            }
        }
    }

    fn password_source(&self) -> Option<LoginSource<'_>> {
        let own = self.password.as_ref().or(self.password_file.as_ref().map(|file| &file.secret));
        let command = self.password_command.as_ref();
        own.map(LoginSource::Password).or(command.map(LoginSource::PasswordCommand))
    }

    fn token_source(&self) -> Option<LoginSource<'_>> {
        let file = self.token_file.as_deref().map(LoginSource::TokenFile);
        let command = self.token_command.as_ref().map(LoginSource::TokenCommand);
        file.or(command).or(self.issuer.as_deref().map(LoginSource::ClientCredentials))
    }
}

impl LoginSource<'_> {
    /// Whether it gives access tokens.
    pub fn is_oauth(self) -> bool {
        !matches!(self, Self::Password(_) | Self::PasswordCommand(_))
    }
}
