//! `login`: signs in at a provider, stores the login, and tries it at the mail server.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use clap::{Args as ClapArgs, ValueEnum};
use tokio::time::timeout;

use super::browser;
use super::check::server_line;
use super::oauth_account::OauthAccount;
use super::style::Style;
use crate::clock::Clock;
use crate::config::{Config, ConfigSources};
use crate::oauth::authorization::Authorization;
use crate::oauth::discovery::{self, Metadata};
use crate::oauth::loopback::Loopback;
use crate::oauth::provider::Provider;
use crate::oauth::store::LOCK_TIMEOUT;
use crate::oauth::stored_login::{Account, StoredLogin};
use crate::oauth::token::Issued;
use crate::oauth::{HttpClient, device};
use crate::upstream::Upstreams;

/// How long a person may take in the browser.
const BROWSER_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Options of `login`.
#[derive(Debug, Clone, ClapArgs)]
pub struct LoginArgs {
    /// Where to sign in
    #[arg(value_enum)]
    pub provider: Option<Named>,
    /// The issuer's URL, for another provider or for a national cloud
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Microsoft only: the directory's id or domain, `organizations` or `consumers` [default: common]
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "issuer")]
    pub tenant: Option<String>,
    /// Sign in with a browser on this machine (Google's default)
    #[arg(long, conflicts_with = "device")]
    pub browser: bool,
    /// Sign in on any device with a code (Microsoft's default)
    #[arg(long)]
    pub device: bool,
    /// What to ask for, instead of sending mail
    #[arg(long, value_name = "SCOPES")]
    pub scope: Option<String>,
    /// The server whose account signs in, if there are several
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,
}

/// A provider with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// Microsoft 365 and Outlook.com.
    Microsoft,
    /// Gmail and Google Workspace.
    Google,
}

/// Signs in, stores the login and tries it; success only if the mail server accepts it.
///
/// # Errors
/// The settings do not suffice, the provider refuses, or the login cannot be stored.
pub async fn login(args: LoginArgs, sources: ConfigSources, config: Config) -> anyhow::Result<ExitCode> {
    let account = OauthAccount::find(&config, args.server.as_deref())?;
    let sign_in = SignIn::new(&args, &account).await?;
    let issued = if sign_in.uses_device { sign_in.on_a_device().await } else { sign_in.in_a_browser().await };
    let issued = issued?;
    check_scope(&sign_in, &issued)?;
    let has_refresh_token = issued.refresh.is_some();
    sign_in.store(issued).await?;
    say(&format!("Signed in. The login is stored in {}.", account.store.path(&account.username).display()))?;
    if !has_refresh_token {
        say(
            "Warning: there is no refresh token, so the login ends with its first access token. The application must be allowed offline access.",
        )?;
    }
    try_it(account, sources, config).await
}

/// A sign-in before the person is asked.
struct SignIn<'a> {
    account: &'a OauthAccount,
    provider: Provider,
    scope: String,
    uses_device: bool,
    http: HttpClient,
    metadata: Metadata,
}

impl<'a> SignIn<'a> {
    async fn new(args: &LoginArgs, account: &'a OauthAccount) -> anyhow::Result<Self> {
        let provider = match (args.provider, &args.issuer) {
            (Some(Named::Microsoft), _) => Provider::Microsoft,
            (Some(Named::Google), _) => Provider::Google,
            (None, Some(issuer)) => Provider::of(issuer),
            (None, None) => bail!("name a provider: login microsoft, login google or login --issuer URL"),
        };
        if args.tenant.is_some() && provider != Provider::Microsoft {
            bail!("--tenant is for Microsoft only");
        }
        if args.device && !provider.has_device_flow() {
            bail!(
                "Google does not allow the mail scope in its sign-in for devices: leave out --device, and sign in with a browser on this machine"
            );
        }
        let issuer = args.issuer.clone().or_else(|| provider.issuer(args.tenant.as_deref()));
        let issuer = issuer.context("--issuer: not given")?;
        let http = HttpClient::new(provider)?;
        let metadata = discovery::discover(&http, &issuer, provider).await?;
        let can_device = provider.has_device_flow() && metadata.device_authorization_endpoint.is_some();
        Ok(Self {
            account,
            provider,
            scope: args.scope.clone().unwrap_or_else(|| provider.scope().to_owned()),
            uses_device: args.device || (can_device && !args.browser),
            http,
            metadata,
        })
    }

    async fn on_a_device(&self) -> anyhow::Result<Issued> {
        let login = device::begin(&self.http, &self.metadata, &self.account.client, &self.scope).await?;
        let minutes = login.lifetime.as_secs().div_ceil(60);
        say(&format!(
            "To sign in as {}, open this page on any device:\n\n    {}\n\nand enter the code {}. It is valid for {minutes} minutes. Waiting …",
            self.account.username, login.page, login.user_code,
        ))?;
        Ok(login.wait(&self.http, &self.metadata, &self.account.client, now).await?)
    }

    async fn in_a_browser(&self) -> anyhow::Result<Issued> {
        let loopback = Loopback::bind().await.context("no port of this machine can be listened on")?;
        let redirect_uri = loopback.redirect_uri(self.provider.loopback_host());
        let hint = [("login_hint", self.account.username.as_str())];
        let more = [self.provider.authorization_parameters(), &hint].concat();
        let (client, scope) = (&self.account.client, &self.scope);
        let authorization = Arc::new(Authorization::new(&self.metadata, client, scope, redirect_uri, &more)?);
        say(&format!(
            "To sign in as {}, open this page in a browser on this machine, unless it opens by itself:\n\n    {}\n\nWaiting …",
            self.account.username, authorization.page,
        ))?;
        browser::open(&authorization.page);
        let returned = timeout(BROWSER_TIMEOUT, loopback.wait(&authorization)).await;
        let code = returned.context("nobody signed in within 15 minutes")??;
        Ok(authorization.exchange(&self.http, &self.metadata, client, &code, now).await?)
    }

    async fn store(&self, issued: Issued) -> anyhow::Result<()> {
        let OauthAccount { username, client, store, .. } = self.account;
        let account = Account {
            username: username.clone(),
            provider: self.provider,
            issuer: self.metadata.issuer.clone(),
            token_endpoint: self.metadata.token_endpoint.to_string(),
            revocation_endpoint: self.metadata.revocation_endpoint.as_ref().map(ToString::to_string),
            client_id: client.id.clone(),
            scope: issued.scope.clone().unwrap_or_else(|| self.scope.clone()),
        };
        let place = || format!("the login cannot be stored in {}", store.directory().display());
        let lock = store.lock(username, LOCK_TIMEOUT).await.with_context(place)?;
        lock.write(&StoredLogin::new(account, issued, now())).await.with_context(place)
    }
}

/// A person may untick a permission.
fn check_scope(sign_in: &SignIn<'_>, issued: &Issued) -> anyhow::Result<()> {
    let (Some(granted), Some(required)) = (&issued.scope, sign_in.provider.required_scope()) else {
        return Ok(());
    };
    let is_granted = granted.split(' ').any(|scope| scope.ends_with(required));
    if !is_granted && sign_in.scope.contains(required) {
        bail!(
            "{} did not grant the permission to send mail ({required}): sign in again and accept it",
            sign_in.provider.name()
        );
    }
    Ok(())
}

/// Logs in to the account's mail servers.
async fn try_it(account: OauthAccount, sources: ConfigSources, config: Config) -> anyhow::Result<ExitCode> {
    let upstreams = Upstreams::new(sources, Config { servers: account.servers, ..config }, Clock::System)?;
    say("Trying it at the mail server:")?;
    let test = upstreams.test().await;
    upstreams.drain().await;
    let style = Style::of(&io::stdout());
    test.server_results.iter().try_for_each(|server| say(&format!("  {}", server_line(server, style))))?;
    Ok(if test.all_work() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

fn now() -> DateTime<Utc> {
    Clock::System.now().to_utc()
}
