//! The providers that have a name here, and what is special about each.

use serde::{Deserialize, Serialize};

/// Who issues the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Microsoft Entra ID, for Microsoft 365 and Outlook.com.
    Microsoft,
    /// Google, for Gmail and Google Workspace.
    Google,
    /// Any other, found by OpenID Connect Discovery or RFC 8414.
    Other,
}

impl Provider {
    /// The provider of an issuer's URL.
    pub fn of(issuer: &str) -> Self {
        let is_at = |host: &str| issuer.strip_prefix("https://").is_some_and(|rest| rest.starts_with(host));
        match () {
            () if is_at("login.microsoftonline.") || is_at("login.chinacloudapi.cn") => Self::Microsoft,
            () if is_at("accounts.google.com") => Self::Google,
            () => Self::Other,
        }
    }

    /// The issuer. A tenant is Microsoft's: a directory's id or domain, `organizations`, `consumers`, or `common` for all
    /// of them.
    pub fn issuer(self, tenant: Option<&str>) -> Option<String> {
        match self {
            Self::Microsoft => {
                let tenant = tenant.unwrap_or("common");
                Some(format!("https://login.microsoftonline.com/{tenant}/v2.0"))
            }
            Self::Google => Some("https://accounts.google.com".to_owned()),
            Self::Other => None,
        }
    }

    /// The scope that a person grants: sending mail, and access while the person is away.
    pub fn scope(self) -> &'static str {
        match self {
            Self::Microsoft => "https://outlook.office.com/SMTP.Send offline_access",
            Self::Google => "https://mail.google.com/",
            Self::Other => "openid email offline_access",
        }
    }

    /// The scope for client credentials.
    pub fn application_scope(self) -> Option<&'static str> {
        (self == Self::Microsoft).then_some("https://outlook.office365.com/.default")
    }

    /// What must be in the granted scope, because mail cannot be sent without it.
    pub fn required_scope(self) -> Option<&'static str> {
        match self {
            Self::Microsoft => Some("SMTP.Send"),
            Self::Google => Some("https://mail.google.com/"),
            Self::Other => None,
        }
    }

    /// Further parameters of an authorization request. Google gives a refresh token only when asked for offline access,
    /// and again only when the person is asked for consent.
    pub fn authorization_parameters(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Google => &[("access_type", "offline"), ("prompt", "consent")],
            Self::Microsoft => &[("prompt", "select_account")],
            Self::Other => &[("prompt", "consent")],
        }
    }

    /// The host of a redirect to this machine. Microsoft ignores the port only for `localhost`; for the others an address
    /// is better (RFC 8252, section 8.3).
    pub fn loopback_host(self) -> &'static str {
        if self == Self::Microsoft { "localhost" } else { "127.0.0.1" }
    }

    /// Whether a device may be signed in from another one for the mail scope.
    pub fn has_device_flow(self) -> bool {
        self != Self::Google
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Microsoft => "Microsoft",
            Self::Google => "Google",
            Self::Other => "the provider",
        }
    }
}
