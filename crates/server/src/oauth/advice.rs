//! What a provider's error means, who can fix it, and where.

use super::ProviderError;
use super::provider::Provider;
use super::stored_login::StoredLogin;

/// One line: what the provider said, and what to do.
pub fn explain(error: &ProviderError) -> String {
    let ProviderError { host, code, description, .. } = error;
    let said = if description.is_empty() { code.clone() } else { format!("{code}: {description}") };
    let advice = advice(error);
    let separator = if advice.is_empty() { "" } else { ". " };
    format!("{host} refused: \"{}\"{separator}{advice}", said.replace('"', "'"))
}

/// Why a stored login is of no use any more.
pub fn refused_login(login: &StoredLogin) -> String {
    let Some(refusal) = &login.refusal else {
        return "the stored login has no refresh token, so it ended with its access token: sign in again with `smtp-mcp-server login`, \
                and check that the application may ask for offline access"
            .to_owned();
    };
    let interrupted = match refusal.interrupted_at {
        None => String::new(),
        Some(at) => format!(
            " A renewal that began at {} was cut off, perhaps by a crash, so the provider may have replaced the refresh token without our learning it.",
            at.format("%Y-%m-%d %H:%M UTC")
        ),
    };
    format!(
        "the login has ended at {}. {}.{interrupted}",
        refusal.at.format("%Y-%m-%d %H:%M UTC"),
        explain(&refusal.error(login.account.provider))
    )
}

fn advice(error: &ProviderError) -> &'static str {
    let microsoft =
        MICROSOFT.iter().find(|(codes, _)| codes.iter().any(|code| names(&error.description, code)));
    if let Some((_, advice)) = microsoft {
        return advice;
    }
    let is_google = error.provider == Provider::Google;
    let google = GOOGLE.iter().find(|(code, _)| is_google && error.code == *code);
    let any = || COMMON.iter().find(|(code, _)| error.code == *code);
    google.or_else(any).map_or("", |(_, advice)| advice)
}

/// Whether the description names this AADSTS code, and not a longer one that begins alike.
fn names(description: &str, code: &str) -> bool {
    let found = description.match_indices(code);
    found
        .into_iter()
        .any(|(at, _)| !description[at + code.len()..].starts_with(|next: char| next.is_ascii_digit()))
}

/// What to say of the provider's own way to end a login.
pub fn revoke_by_hand(provider: Provider) -> &'static str {
    match provider {
        Provider::Microsoft => {
            "Microsoft has no way to revoke a single login: remove the application at https://myapps.microsoft.com (work) or \
             https://account.live.com/consent/Manage (personal) to be sure"
        }
        Provider::Google => "Remove the application at https://myaccount.google.com/connections to be sure",
        Provider::Other => "Revoke it at the provider to be sure",
    }
}

/// Microsoft's error codes (AADSTS…), by what to do.
const MICROSOFT: &[(&[&str], &str)] = &[
    (
        &["AADSTS7000218"],
        "Whoever registered the application: Microsoft Entra admin center, App registrations, the application, Authentication, \
         \"Allow public client flows\": Yes. Or set SMTP_OAUTH_CLIENT_SECRET if it is a confidential client",
    ),
    (
        &["AADSTS700016", "AADSTS700038"],
        "SMTP_OAUTH_CLIENT_ID is not the id of an application in this directory. Copy \"Application (client) ID\" from Microsoft \
         Entra admin center, App registrations; for an application of one directory use `--tenant` with its id",
    ),
    (
        &["AADSTS50194", "AADSTS50020", "AADSTS9002331", "AADSTS9002346"],
        "The application is not open to this kind of account. Use `login microsoft --tenant` with the directory's id or domain, \
         `consumers` for a personal account, or change \"Supported account types\" in App registrations, Authentication",
    ),
    (&["AADSTS90002", "AADSTS900023"], "There is no such directory: check `--tenant` or the issuer"),
    (
        &["AADSTS7000215"],
        "SMTP_OAUTH_CLIENT_SECRET is wrong: it is the secret's value, not its id. Make a new one in App registrations, \
         Certificates & secrets",
    ),
    (
        &["AADSTS7000222"],
        "The client secret has expired: make a new one in App registrations, Certificates & secrets, and set SMTP_OAUTH_CLIENT_SECRET",
    ),
    (
        &["AADSTS65001", "AADSTS90094", "AADSTS90093", "AADSTS900941"],
        "Nobody has consented to SMTP.Send for this application. An administrator of the directory: App registrations, the application, \
         API permissions, \"Grant admin consent\"; then sign in again",
    ),
    (&["AADSTS65004"], "Consent was refused in the browser: sign in again and accept"),
    (
        &["AADSTS70011", "AADSTS650053", "AADSTS650052", "AADSTS500011", "AADSTS28003"],
        "The permission does not exist in this directory. App registrations, the application, API permissions: add the delegated \
         permission SMTP.Send of Office 365 Exchange Online or Microsoft Graph; in a national cloud give `--scope`",
    ),
    (
        &["AADSTS50011", "AADSTS500113"],
        "App registrations, the application, Authentication: add the platform \"Mobile and desktop applications\" with the redirect \
         URI http://localhost; or sign in without --browser",
    ),
    (
        &["AADSTS700082", "AADSTS70008", "AADSTS700081", "AADSTS700084"],
        "The login expired, for Microsoft ends it after 90 days without use. Sign in again with `smtp-mcp-server login microsoft`",
    ),
    (
        &["AADSTS50173", "AADSTS70000", "AADSTS50132", "AADSTS50133"],
        "The login was revoked, for instance by a changed password. Sign in again with `smtp-mcp-server login microsoft`",
    ),
    (
        &["AADSTS50076", "AADSTS50079", "AADSTS50078", "AADSTS50074", "AADSTS50072"],
        "The organisation wants a second factor. Sign in again with `smtp-mcp-server login microsoft`",
    ),
    (
        &[
            "AADSTS53003",
            "AADSTS53000",
            "AADSTS530003",
            "AADSTS50105",
            "AADSTS50097",
            "AADSTS53001",
            "AADSTS530036",
        ],
        "A policy of the organisation blocks this sign-in (Conditional Access). Its administrator can see it in the sign-in logs; try \
         `login microsoft --browser`, since many organisations forbid the code",
    ),
    (
        &["AADSTS50057", "AADSTS50034", "AADSTS500571"],
        "The account is disabled or does not exist: ask the organisation's administrator",
    ),
];

/// Google's, where they mean something of their own.
const GOOGLE: &[(&str, &str)] = &[
    (
        "invalid_grant",
        "The login has expired or was revoked. Refresh tokens of an application in \"Testing\" die after 7 days: publish it (Google Auth \
         Platform, Audience, \"In production\"). A changed password and 6 months without use end a login, too. Sign in again with \
         `smtp-mcp-server login google`",
    ),
    (
        "invalid_client",
        "SMTP_OAUTH_CLIENT_ID or SMTP_OAUTH_CLIENT_SECRET is wrong, or the client was deleted: copy both from Google Auth Platform, \
         Clients (type \"Desktop app\")",
    ),
    (
        "deleted_client",
        "The client was deleted: make another in Google Auth Platform, Clients (type \"Desktop app\")",
    ),
    (
        "admin_policy_enforced",
        "The organisation's administrator blocks this application: Google Admin console, Security, API controls, App access control",
    ),
    (
        "org_internal",
        "The application is for another organisation only: change its audience to \"External\", or use an account of that organisation",
    ),
    (
        "access_denied",
        "Access was refused in the browser, or the account is no test user of an application in \"Testing\". Sign in again and accept",
    ),
];

/// RFC 6749 and RFC 8628.
const COMMON: &[(&str, &str)] = &[
    ("invalid_grant", "The login has expired or was revoked. Sign in again with `smtp-mcp-server login`"),
    (
        "invalid_client",
        "Check SMTP_OAUTH_CLIENT_ID and SMTP_OAUTH_CLIENT_SECRET against the application's registration",
    ),
    (
        "unauthorized_client",
        "The application may not do this: whoever registered it must allow this grant type (device code, authorization code, refresh token or client credentials)",
    ),
    (
        "invalid_scope",
        "The provider does not know the scope, or does not grant it to this application: check `--scope` or SMTP_OAUTH_SCOPE",
    ),
    ("access_denied", "Access was refused in the browser: sign in again and accept"),
    ("expired_token", "Nobody entered the code in time: start `login` again"),
    (
        "unsupported_grant_type",
        "The provider does not offer this way to sign in: try `login` with --browser or --device",
    ),
    ("consent_required", "Sign in again with `smtp-mcp-server login`, and accept"),
    (
        "interaction_required",
        "The provider wants to see the person. Sign in again with `smtp-mcp-server login`",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_says_who_can_fix_it_and_where() {
        use Provider::{Google, Microsoft, Other};
        for (provider, code, description, words) in [
            (
                Microsoft,
                "invalid_client",
                "AADSTS7000218: The request body must contain …",
                "Allow public client flows",
            ),
            (Microsoft, "invalid_client", "AADSTS7000215: Invalid client secret provided.", "not its id"),
            (Microsoft, "invalid_grant", "AADSTS700082: The refresh token has expired", "90 days"),
            (
                Microsoft,
                "invalid_grant",
                "AADSTS65001: The user or administrator has not consented",
                "Grant admin consent",
            ),
            (Microsoft, "invalid_grant", "AADSTS99: unheard of", "Sign in again"),
            (Google, "invalid_grant", "Token has been expired or revoked.", "In production"),
            (Google, "invalid_client", "The OAuth client was not found.", "Desktop app"),
            (Other, "invalid_client", "", "registration"),
            (Other, "made_up", "", ""),
        ] {
            let error = ProviderError {
                provider,
                host: "id.example.org".to_owned(),
                code: code.to_owned(),
                description: description.to_owned(),
            };
            let line = explain(&error);
            assert!(
                line.starts_with(&format!("id.example.org refused: \"{code}")) && line.contains(words),
                "{line}"
            );
        }
    }

    #[test]
    fn a_code_is_not_the_beginning_of_another() {
        assert!(names("AADSTS50011: x", "AADSTS50011"));
        assert!(!names("AADSTS500113: x", "AADSTS50011"));
        assert!(names("see AADSTS50011", "AADSTS50011"));
    }
}
