//! Texts about recipients: who they are, and why a copy was not sent or may not have been.

use crate::outcome::RecipientOutcome;

/// How many addresses with the same reason the first line lists; a further line lists all of them.
pub(super) const MAX_NAMED: usize = 10;

/// What happened, the server's reply as a quotation, and what to do next.
pub(crate) fn reason(recipient: &RecipientOutcome) -> String {
    let mut reason = recipient.reason.trim_end_matches('.').to_owned();
    if let Some(quote) = quote(recipient) {
        let separator = if reason.is_empty() { "" } else { "; " };
        reason += &format!("{separator}the server said: \"{quote}\"");
    }
    if reason.is_empty() {
        "the server gave no reason".clone_into(&mut reason);
    }
    reason
}

/// The server's reply if the message does not contain it already. A quotation mark in it must not end the quotation.
pub(super) fn quote(recipient: &RecipientOutcome) -> Option<String> {
    let reply = recipient.reply.as_deref().filter(|reply| !reply.is_empty())?;
    let reply = reply.replace('"', "'");
    if recipient.reason.contains(&reply) {
        return None;
    }
    let code = recipient.code.map(|code| format!("{code} ")).unwrap_or_default();
    let enhanced = recipient.enhanced_code.as_ref().map(|code| format!("{code} ")).unwrap_or_default();
    Some(format!("{code}{enhanced}{reply}"))
}

/// `bob@example.org, eve@example.org (reason); carl@example.org (another)`.
pub(super) fn reasons(recipients: &[&RecipientOutcome]) -> String {
    let groups: Vec<_> = groups(recipients)
        .into_iter()
        .map(|(reason, members)| format!("{} ({reason})", named(&members)))
        .collect();
    groups.join("; ")
}

/// The recipients by reason.
pub(super) fn groups<'a>(recipients: &[&'a RecipientOutcome]) -> Vec<(String, Vec<&'a RecipientOutcome>)> {
    grouped(recipients, reason)
}

/// The recipients by a key, in the order of their first appearance.
pub(super) fn grouped<'a, K: PartialEq>(
    recipients: &[&'a RecipientOutcome],
    key: fn(&RecipientOutcome) -> K,
) -> Vec<(K, Vec<&'a RecipientOutcome>)> {
    let mut groups: Vec<(K, Vec<&RecipientOutcome>)> = Vec::new();
    for &recipient in recipients {
        let key = key(recipient);
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, members)) => members.push(recipient),
            None => groups.push((key, vec![recipient])),
        }
    }
    groups
}

pub(super) fn named(recipients: &[&RecipientOutcome]) -> String {
    let names = addresses(&recipients[..recipients.len().min(MAX_NAMED)]).join(", ");
    match recipients.len().saturating_sub(MAX_NAMED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

pub(super) fn addresses(recipients: &[&RecipientOutcome]) -> Vec<String> {
    recipients.iter().map(|recipient| recipient.address.to_string()).collect()
}
