//! The account that `login` and `logout` are about.

use anyhow::{Context as _, bail};

use crate::config::{Config, LoginSource, ServerConfig};
use crate::oauth::{Client, LoginStore};

/// An account whose login is stored, and the application that signs in.
pub(super) struct OauthAccount {
    /// Its servers.
    pub(super) servers: Vec<ServerConfig>,
    /// Its user name.
    pub(super) username: String,
    /// The application.
    pub(super) client: Client,
    /// Where the login is stored.
    pub(super) store: LoginStore,
}

impl OauthAccount {
    /// The account of the server called `name`, or else the only one that is configured for a stored login.
    ///
    /// # Errors
    /// There is no such account, or more than one.
    pub(super) fn find(config: &Config, name: Option<&str>) -> anyhow::Result<Self> {
        let stored = |server: &&ServerConfig| server.login.source() == Some(LoginSource::Stored);
        let is_named = |server: &&ServerConfig| name.is_none_or(|name| server.name == name);
        let servers: Vec<_> = config.servers.iter().filter(is_named).filter(stored).cloned().collect();
        let Some(first) = servers.first().cloned() else {
            match name.map(|name| config.servers.iter().any(|server| server.name == name)) {
                Some(false) => bail!("--server: no server is called {:?}", name.unwrap_or_default()),
                _ => bail!(
                    "no server is set to a stored login: set SMTP_AUTH=oauth, SMTP_USERNAME and SMTP_OAUTH_CLIENT_ID, and neither a token file nor a token command"
                ),
            }
        };
        if servers.iter().any(|server| server.username != first.username) {
            let names: Vec<_> = servers.iter().map(|server| server.name.as_str()).collect();
            bail!(
                "several accounts are set to a stored login: choose one with --server ({})",
                names.join(", ")
            );
        }
        let id = first.login.client_id.context("SMTP_OAUTH_CLIENT_ID: not set")?;
        Ok(Self {
            servers,
            username: first.username.context("SMTP_USERNAME: not set")?,
            client: Client { id, secret: first.login.client_secret },
            store: LoginStore::new(config.state_dir.as_deref().context("SMTP_MCP_STATE_DIR: not set")?),
        })
    }
}
