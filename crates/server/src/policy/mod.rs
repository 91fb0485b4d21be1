//! Who may be written to: a pure function of the rules and a recipient.
//!
//! * [`RecipientPattern`]: addresses, `*@domain`, `*.domain`, `*`
//! * [`RecipientRules`]: the lists, and their verdict on a recipient

mod pattern;
mod rules;
#[cfg(test)]
mod tests;

pub use pattern::{Recipient, RecipientPattern};
pub use rules::{RecipientRules, Verdict};
