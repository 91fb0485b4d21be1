//! OAuth 2.0 (RFC 6749) for mail: signing in at a provider, keeping the login, and access tokens from then on.

pub mod access_tokens;
pub mod advice;
pub mod authorization;
pub mod client_credentials;
pub mod device;
pub mod discovery;
pub mod error;
mod http;
pub mod loopback;
pub mod provider;
pub mod revocation;
pub mod store;
pub mod stored_login;
pub mod stored_tokens;
pub mod token;

pub use access_tokens::{AccessTokens, TokenError, TokenSource};
pub use error::{OauthError, ProviderError};
pub use http::HttpClient;
pub use store::LoginStore;
pub use token::{AccessToken, Client};

/// A provider's text for people: one line, without control characters, which could steer a terminal, and not endless.
pub fn printable(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
