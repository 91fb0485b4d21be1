//! `logout`: ends a login at the provider, and forgets it.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args as ClapArgs;

use super::oauth_account::OauthAccount;
use crate::config::Config;
use crate::oauth::store::LOCK_TIMEOUT;
use crate::oauth::{HttpClient, advice, revocation};

/// Options of `logout`.
#[derive(Debug, Clone, ClapArgs)]
pub struct LogoutArgs {
    /// The server whose account is logged out, if there are several
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,
}

/// Revokes the tokens where the provider can, and removes the stored login in any case.
///
/// # Errors
/// There is no such account, or the stored login cannot be removed.
pub async fn logout(args: LogoutArgs, config: Config) -> anyhow::Result<ExitCode> {
    let OauthAccount { username, client, store, .. } = OauthAccount::find(&config, args.server.as_deref())?;
    let place = || format!("the stored login in {}", store.directory().display());
    let lock = store.lock(&username, LOCK_TIMEOUT).await.with_context(place)?;
    let mut out = io::stdout().lock();
    let login = match lock.read() {
        Ok(Some(login)) => login,
        Ok(None) => {
            writeln!(out, "Nobody is signed in as {username}.")?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => {
            lock.remove().with_context(place)?;
            writeln!(out, "The stored login could not be read ({error}) and has been removed.")?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let revoked = match HttpClient::new(login.account.provider) {
        Ok(http) => revocation::revoke(&http, &login, &client).await,
        Err(error) => Err(error),
    };
    lock.remove().with_context(place)?;
    let by_hand = advice::revoke_by_hand(login.account.provider);
    match revoked {
        Ok(true) => writeln!(out, "{username} is signed out, and the tokens are revoked.")?,
        Ok(false) => writeln!(out, "{username} is signed out here. {by_hand}.")?,
        Err(error) => {
            writeln!(
                out,
                "{username} is signed out here, but the tokens could not be revoked: {error}. {by_hand}."
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
