//! Whether a refused recipient was only one too many (RFC 5321, section 4.5.3.1.10).

use crate::Reply;

/// Whether the reply to a recipient says that it is about their number: X.5.3 (RFC 3463), or in plain words.
pub(crate) fn names_recipient_limit(reply: &Reply) -> bool {
    let is_x53 = reply.enhanced.is_some_and(|code| (code.subject, code.detail) == (5, 3));
    let text = reply.text.to_ascii_lowercase();
    // A code of another class, as in `554 4.5.3`, is still in the text.
    let in_words =
        text.starts_with("4.5.3") || text.starts_with("5.5.3") || text.contains("too many recipients");
    matches!(reply.code, 450..=452 | 550 | 552 | 554) && (is_x53 || in_words)
}

/// Whether the reply may be about the number of recipients: 452, or 552 as older servers say (RFC 5321, section 4.5.3.1.10),
/// unless the enhanced code is about the mailbox or the message. 452 4.3.1: out of resources for so many.
pub(crate) fn may_be_recipient_limit(reply: &Reply) -> bool {
    match reply.enhanced {
        Some(code) => reply.code == 452 && matches!(code.subject, 0 | 3 | 5),
        None => matches!(reply.code, 452 | 552),
    }
}
