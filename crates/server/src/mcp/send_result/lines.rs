//! The lines after the first one in the text of a send: what else its structured content says.

use super::reasons::{MAX_NAMED, addresses, grouped, groups, quote};
use super::{ByStatus, Details, SendResult};
use crate::outcome::{RecipientOutcome, State};

/// The lines of a result, whose first line names the recipients and tells what was refused.
pub(super) fn lines(result: &SendResult, by_status: &ByStatus<'_>) -> Vec<String> {
    let mut lines =
        vec![format!("state {}, id {}, Message-ID {}", result.state, result.id, result.message_id)];
    lines.push(details(&result.details));
    lines.extend(result.digest.as_ref().map(|digest| format!("digest {digest}")));
    if let Some(until) = &result.expires_at {
        let next = result.next_attempt_at.as_ref().map(|next| format!("next attempt {next}, "));
        lines.push(format!("{}given up at {until}", next.unwrap_or_default()));
    }
    lines.extend(accepted(&by_status.accepted));
    lines.extend(refused(result, &by_status.refused));
    lines.extend(many("pending", &by_status.pending));
    lines.extend(many("unknown", &by_status.unknown));
    lines.extend(result.hints.iter().map(|hint| format!("hint: {hint}")));
    lines
}

/// The lines of the result of a mail that was not taken.
pub(super) fn of_untaken(result: &SendResult) -> Vec<String> {
    let first = format!("state {}, Message-ID {}", result.state, result.message_id);
    let hints = result.hints.iter().map(|hint| format!("hint: {hint}"));
    [first, details(&result.details)].into_iter().chain(hints).collect()
}

fn details(details: &Details) -> String {
    let server = match (&details.smtp_server, &details.server_host) {
        (Some(name), Some(host)) => format!(" through {name} ({host})"),
        _ => String::new(),
    };
    format!(
        "from {}{server}; {}; recipients: {}; attachments: {}; {} s",
        details.sender,
        details.content_type.essence(),
        details.recipients,
        details.attachments,
        details.duration_seconds
    )
}

/// Who has it, with what the server said.
fn accepted(recipients: &[&RecipientOutcome]) -> Vec<String> {
    let is_told = |(reply, members): &(Option<String>, Vec<_>)| reply.is_some() || members.len() > MAX_NAMED;
    let told = grouped(recipients, quote).into_iter().filter(is_told);
    told.map(|(reply, members)| {
        let reply = reply.map(|reply| format!("; the server said: \"{reply}\"")).unwrap_or_default();
        format!("accepted: {}{reply}", addresses(&members).join(", "))
    })
    .collect()
}

/// Who was refused, if the first line gives only the reason.
fn refused(result: &SendResult, recipients: &[&RecipientOutcome]) -> Vec<String> {
    let is_reason_alone = result.state == State::Refused.word() && groups(recipients).len() == 1;
    if is_reason_alone {
        return vec![format!("rejected: {}", addresses(recipients).join(", "))];
    }
    many("rejected", recipients)
}

/// The groups of recipients that the first line does not name in full.
fn many(status: &str, recipients: &[&RecipientOutcome]) -> Vec<String> {
    let groups = groups(recipients).into_iter().filter(|(_, members)| members.len() > MAX_NAMED);
    groups
        .map(|(reason, members)| format!("{status}: {} ({reason})", addresses(&members).join(", ")))
        .collect()
}
