//! What to do after a refused login: who can fix it, and where.

use smtp_submission::{Phase, Reply};

use super::reply_cause::{Cause, cause};
use crate::config::{LoginSource, ServerConfig};

/// Whether the login is made with an access token.
pub(super) fn uses_tokens(server: &ServerConfig) -> bool {
    server.login.source().is_some_and(LoginSource::is_oauth)
}

/// Whether some of these mechanisms take access tokens.
pub(super) fn are_for_tokens(offered: &str) -> bool {
    ["XOAUTH2", "OAUTHBEARER"].iter().any(|name| offered.contains(name))
}

/// After a refused password.
pub(super) fn password_refused(server: &ServerConfig, cause: Option<Cause>) -> String {
    let of_host = || password_at(&server.host);
    // Where it is known how to make an app password, that is said.
    let of_cause = cause.filter(|cause| *cause != Cause::AppPasswordWanted || of_host().is_none());
    let provider = of_cause.and_then(by_cause).or_else(of_host).unwrap_or_default();
    let end = if provider.is_empty() { "" } else { ". " };
    let setting = match server.login.source() {
        Some(LoginSource::PasswordCommand(_)) => "what SMTP_PASSWORD_COMMAND prints",
        _ if server.login.password_file.is_some() => "the password in SMTP_PASSWORD_FILE",
        _ => "SMTP_PASSWORD",
    };
    format!(
        "The login was refused: check SMTP_USERNAME and {setting}. {provider}{end}The server is paused until the configuration changes, so that the account is not locked"
    )
}

/// After a refused access token.
pub(super) fn token_refused(server: &ServerConfig, reply: &Reply) -> String {
    // Servers refuse a token with the words for a password, so only what is about the mailbox counts.
    let is_about_the_mailbox =
        |cause: &Cause| matches!(cause, Cause::SmtpAuthOffForOrganisation | Cause::SmtpAuthOffForMailbox);
    if let Some(advice) = cause(Phase::Auth, reply).filter(is_about_the_mailbox).and_then(by_cause) {
        return advice.to_owned();
    }
    let renew = match server.login.source() {
        Some(LoginSource::TokenFile(_)) => {
            "Put a new token into SMTP_TOKEN_FILE; it is read at the next login"
        }
        Some(LoginSource::TokenCommand(_)) => {
            "Check what SMTP_TOKEN_COMMAND prints; it is run at the next login"
        }
        Some(LoginSource::ClientCredentials(_)) => {
            "Check SMTP_USERNAME, and that the application may send as it (Microsoft: SMTP.SendAsApp with admin consent, \
             New-ServicePrincipal, and Add-MailboxPermission for the mailbox)"
        }
        _ => "Sign in again with `smtp-mcp-server login`, with the account that SMTP_USERNAME names",
    };
    format!(
        "The access token was refused: it is for another mailbox, has expired, or lacks the permission to send mail (Google: the scope https://mail.google.com/; Microsoft: SMTP.Send). {renew}"
    )
}

/// When there are no credentials to log in with. Most reasons say what to do themselves.
pub(super) fn no_credentials(server: &ServerConfig) -> &'static str {
    match server.login.source() {
        Some(LoginSource::TokenFile(_)) => "Check the file, and what refreshes it",
        Some(LoginSource::TokenCommand(_) | LoginSource::PasswordCommand(_)) => {
            "Run the command by hand, as the user that this program runs as"
        }
        _ => "",
    }
}

/// What to do about a cause that only concerns logins.
pub(super) fn by_cause(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::SmtpAuthOffForOrganisation => Some(
            "SMTP AUTH is off for the whole organisation. Its Exchange administrator can allow it for this mailbox: \
             `Set-CASMailbox -Identity MAILBOX -SmtpClientAuthenticationDisabled $false` (it takes up to an hour)",
        ),
        Cause::SmtpAuthOffForMailbox => Some(
            "SMTP is off for this mailbox. It is turned on in the settings of the mailbox; at Microsoft by an administrator: Microsoft 365 \
             admin center, Users, Active users, the user, Mail, Manage email apps, \"Authenticated SMTP\" (it takes up to an hour)",
        ),
        Cause::OAuthWanted => Some(
            "The provider takes no passwords for this mailbox. Use OAuth: SMTP_AUTH=oauth, SMTP_OAUTH_CLIENT_ID, and `smtp-mcp-server login` \
             (at Microsoft: `smtp-mcp-server login microsoft`)",
        ),
        Cause::AppPasswordWanted => Some(
            "The provider wants a password made for programs (app password, authorization code), not the account's own, or OAuth: create one \
             in the security settings of the account",
        ),
        Cause::WebLoginWanted => Some(
            "Sign in on the provider's web page once and confirm that it was you, or use an app password or OAuth",
        ),
        _ => None,
    }
}

/// What a provider wants of passwords.
fn password_at(host: &str) -> Option<&'static str> {
    let host = host.to_ascii_lowercase();
    match () {
        () if host.ends_with("gmail.com") || host.ends_with("googlemail.com") => Some(
            "Gmail requires an app password (Google Account, Security, App passwords), not the account's own, or OAuth (`smtp-mcp-server login google`)",
        ),
        () if host.ends_with("office365.com") || host.ends_with("outlook.com") => Some(
            "Microsoft is ending password logins: use OAuth (SMTP_AUTH=oauth and `smtp-mcp-server login microsoft`)",
        ),
        () if host.ends_with("yahoo.com") => {
            Some("Yahoo requires an app password (Account security, Generate app password)")
        }
        () => None,
    }
}
