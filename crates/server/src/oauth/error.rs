//! What can go wrong between us and a provider.

use super::advice;
use super::provider::Provider;

/// A request to a provider that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OauthError {
    /// The provider could not be reached; it has not seen the request.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// The provider's host.
        host: String,
        /// Why.
        reason: String,
    },
    /// The request was sent and there is no usable answer: the provider may have acted on it.
    #[error("{host} gave no usable answer: {reason}")]
    NoAnswer {
        /// The provider's host.
        host: String,
        /// What came instead.
        reason: String,
    },
    /// The provider refused.
    #[error("{}", advice::explain(.0))]
    Refused(ProviderError),
    /// What was asked for cannot be done with this provider or these settings.
    #[error("{0}")]
    Unsuitable(String),
}

/// An error that a provider reports (RFC 6749, sections 4.1.2.1 and 5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderError {
    /// The provider.
    pub provider: Provider,
    /// The provider's host.
    pub host: String,
    /// The error code, such as `invalid_grant`.
    pub code: String,
    /// The provider's description, without our secrets; may be empty.
    pub description: String,
}

impl OauthError {
    /// Whether waiting does not help.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoAnswer { .. } => false,
            Self::Refused(error) => !error.may_pass(),
            Self::Unsuitable(_) => true,
        }
    }
}

impl ProviderError {
    /// Whether the same request may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(self.code.as_str(), "temporarily_unavailable" | "server_error" | "slow_down")
    }

    /// Whether the login itself is gone: only signing in again helps.
    pub fn ends_the_login(&self) -> bool {
        matches!(self.code.as_str(), "invalid_grant" | "interaction_required" | "consent_required")
    }
}
