//! Who may be written to: a pure function of the rules and what is known of a recipient.
//!
//! * [`RecipientPattern`]: addresses, `*@domain`, `*.domain`, `*`
//! * [`Policy`]: every rule, and its [`Verdict`] on a recipient: allow, ask a person, or deny
//! * [`Judgement`]: the verdicts on all recipients of a message
//! * [`Quota`]: how many messages may be taken in an hour and in a day

mod judgement;
mod pattern;
mod quota;
mod rules;
#[cfg(test)]
mod tests;

pub use judgement::{Judged, Judgement};
pub use pattern::{Recipient, RecipientPattern};
pub use quota::Quota;
pub use rules::{Approval, Decision, Policy, Preset, Verdict};
