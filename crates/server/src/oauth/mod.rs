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

use smtp_submission::reply::quote;

pub use access_tokens::{AccessTokens, TokenError, TokenSource};
pub use error::{OauthError, ProviderError};
pub use http::HttpClient;
pub use store::LoginStore;
pub use token::{AccessToken, Client};

/// A provider's text as one line that is safe to display, and not endless.
pub fn printable(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    quote(text, MAX_CHARS)
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_providers_text_neither_steers_a_terminal_nor_hides_words() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}b\u{200b}c\r\n\u{e0041}d"), "a [31mbc d");
        assert_eq!(printable(&"x".repeat(400)), "x".repeat(300) + "…");
    }
}
