//! The lists of recipients, and their verdict.

use super::pattern::{Recipient, RecipientPattern};
use crate::address::Address;

/// Who may be written to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecipientRules {
    /// Only these, unless it is empty: then there is no such list.
    pub allowed: Vec<RecipientPattern>,
    /// Not these, even if they are allowed.
    pub denied: Vec<RecipientPattern>,
}

/// Whether a recipient may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// No rule is against it.
    Allowed,
    /// This pattern of the denied ones matches.
    Denied(&'a RecipientPattern),
    /// There is a list of those who are allowed, and it does not match.
    NotAllowed,
}

impl RecipientRules {
    /// The verdict on one recipient. The order of the patterns makes no difference.
    pub fn verdict(&self, recipient: &Address) -> Verdict<'_> {
        let recipient = Recipient::of(recipient);
        if let Some(denied) = self.denied.iter().find(|pattern| pattern.matches(&recipient)) {
            return Verdict::Denied(denied);
        }
        let is_allowed =
            self.allowed.is_empty() || self.allowed.iter().any(|pattern| pattern.matches(&recipient));
        if is_allowed { Verdict::Allowed } else { Verdict::NotAllowed }
    }

    /// Everyone of `recipients` who may not be written to, each with the reason.
    pub fn refused<'a>(&self, recipients: impl Iterator<Item = &'a Address>) -> Vec<(&'a Address, String)> {
        recipients.filter_map(|recipient| Some((recipient, self.verdict(recipient).reason()?))).collect()
    }
}

impl Verdict<'_> {
    /// Why the recipient may not be written to. `None`: it may.
    pub fn reason(self) -> Option<String> {
        match self {
            Self::Allowed => None,
            Self::Denied(pattern) => {
                Some(format!("may not be written to: SMTP_DENIED_RECIPIENTS has {pattern}"))
            }
            Self::NotAllowed => {
                Some("may not be written to: SMTP_ALLOWED_RECIPIENTS does not have it".to_owned())
            }
        }
    }
}
