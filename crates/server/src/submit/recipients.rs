//! Refuses a mail to someone who may not be written to, as a whole.

use crate::address::Mailbox;
use crate::policy::RecipientRules;
use crate::request::{Draft, ValidationCode, ValidationErrors};

/// Names everyone who may not be written to, and why.
///
/// # Errors
/// There is one.
pub(super) fn check(draft: &Draft, rules: &RecipientRules) -> Result<(), ValidationErrors> {
    let mut errors = ValidationErrors::default();
    let fields: [(&str, &[Mailbox]); 3] = [("to", &draft.to), ("cc", &draft.cc), ("bcc", &draft.bcc)];
    for (field, mailboxes) in fields {
        for (address, reason) in rules.refused(mailboxes.iter().map(|mailbox| &mailbox.address)) {
            errors.add(field, ValidationCode::NotAllowed, format!("{address} {reason}"));
        }
    }
    errors.or(())
}
