//! The verdicts on all recipients of a message.

use super::rules::{Decision, Policy, Verdict};
use crate::address::Address;

/// How many recipients a line names: it is kept with each recipient whom it stops, so it must not grow with their number.
const MAX_NAMED: usize = 50;

/// A recipient and the verdict on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The recipient.
    pub address: Address,
    /// The verdict.
    pub verdict: Verdict,
}

/// The verdicts on all recipients of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// In the order of the message.
    pub recipients: Vec<Judged>,
}

impl Policy {
    /// The verdicts on `recipients`; each comes with whether it is a first contact.
    pub fn judge(&self, recipients: impl IntoIterator<Item = (Address, bool)>) -> Judgement {
        let judged = |(address, is_first_contact)| {
            let verdict = self.verdict(&address, is_first_contact);
            Judged { address, verdict }
        };
        Judgement { recipients: recipients.into_iter().map(judged).collect() }
    }
}

impl Judgement {
    /// What becomes of the message as a whole: the strictest decision about one of its recipients.
    pub fn decision(&self) -> Decision {
        let each = self.recipients.iter().map(|one| one.verdict.decision);
        each.max().unwrap_or(Decision::Allow)
    }

    /// Why, for the recipients with this decision: one line for each reason, which names up to [`MAX_NAMED`] of them.
    pub fn reasons(&self, decision: Decision) -> Vec<String> {
        let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
        for Judged { address, verdict } in
            self.recipients.iter().filter(|one| one.verdict.decision == decision)
        {
            let address = address.to_string();
            match groups.iter_mut().find(|(reason, _)| *reason == verdict.reason) {
                Some((_, members)) => members.push(address),
                None => groups.push((&verdict.reason, vec![address])),
            }
        }
        let line = |(reason, members): (&str, Vec<String>)| {
            let more = match members.len().saturating_sub(MAX_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{}{more} {reason}", members[..members.len().min(MAX_NAMED)].join(", "))
        };
        groups.into_iter().map(line).collect()
    }
}
