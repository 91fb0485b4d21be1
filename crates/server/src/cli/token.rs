//! `token status`: the stored logins and how long they last, without asking anyone.

use std::io::{self, Write};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args as ClapArgs, Subcommand};

use crate::clock::Clock;
use crate::config::{Config, LoginSource};
use crate::oauth::stored_login::StoredLogin;
use crate::oauth::{LoginStore, advice, printable};

/// Options of `token`.
#[derive(Debug, Clone, ClapArgs)]
pub struct TokenArgs {
    /// What to do
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// What to do with stored logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum TokenCommand {
    /// Show the stored logins, without any token
    Status,
}

/// Prints every stored login; failure if one that is configured is missing or of no use.
///
/// # Errors
/// The directory cannot be read, or stdout cannot be written.
pub fn status(config: &Config) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let now = Clock::System.now().to_utc();
    let store = config.state_dir.as_deref().map(LoginStore::new);
    let logins = store.as_ref().map(LoginStore::all).transpose()?.unwrap_or_default();
    let mut all_work = true;
    for (path, login) in &logins {
        match login {
            Ok(login) => {
                all_work &= login.refusal.is_none();
                print(login, now, &mut out)?;
            }
            Err(error) => {
                all_work = false;
                writeln!(out, "{}: {error}", path.display())?;
            }
        }
    }
    for server in &config.servers {
        let username = server.username.as_deref().unwrap_or_default();
        let is_known = logins
            .iter()
            .any(|(_, login)| login.as_ref().is_ok_and(|login| login.account.username == username));
        if server.login.source() == Some(LoginSource::Stored) && !is_known {
            all_work = false;
            writeln!(
                out,
                "{username} (server {}): nobody has signed in; run `smtp-mcp-server login`",
                server.name
            )?;
        }
    }
    if logins.is_empty() && all_work {
        writeln!(out, "No login is stored, and no server needs one.")?;
    }
    Ok(if all_work { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(login: &StoredLogin, now: DateTime<Utc>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", login.account.username)?;
    writeln!(out, "  issuer        {}", login.account.issuer)?;
    writeln!(out, "  application   {}", login.account.client_id)?;
    writeln!(out, "  scope         {}", printable(&login.account.scope))?;
    writeln!(out, "  signed in     {}", date(login.signed_in_at))?;
    if login.refusal.is_some() {
        return writeln!(out, "  state         {}", advice::refused_login(login));
    }
    let token = match login.access_token().map(|token| token.expires_at) {
        None => "none; the next login gets one".to_owned(),
        Some(None) => "valid until it is refused".to_owned(),
        Some(Some(at)) if now < at => format!("valid until {}", date(at)),
        Some(Some(at)) => format!("expired {}; the next login renews it", date(at)),
    };
    writeln!(out, "  access token  {token}")?;
    let refresh =
        if login.refresh_token.is_some() { "stored" } else { "none: the login ends with the access token" };
    writeln!(out, "  refresh token {refresh}")?;
    match login.refreshing_since {
        None => Ok(()),
        Some(at) => {
            writeln!(out, "  note          a renewal that began {} has not been seen to end", date(at))
        }
    }
}

fn date(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
