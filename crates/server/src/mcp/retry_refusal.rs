//! Why a mail is not sent again, in words.

use uuid::Uuid;

use super::email_view::note;
use super::send_result::over_quota;
use crate::address::Address;
use crate::outbox::{Outbox, OutboxError, Principal, Retried};
use crate::outcome::State;

/// Why a mail of `principal` was not queued again. `None`: it was.
///
/// # Errors
/// The outbox cannot be read.
pub(crate) async fn retry_refusal(
    outbox: &Outbox,
    id: Uuid,
    principal: Option<Principal>,
    retried: &Retried,
) -> Result<Option<String>, OutboxError> {
    Ok(match retried {
        Retried::Queued { .. } => None,
        Retried::OverQuota(over) => Some(over_quota(over)),
        Retried::NotNow(state) => Some(not_now(outbox, id, principal, *state).await?),
        Retried::NotAmong(missing) => Some(not_among(missing)),
        Retried::NoContent => Some(format!(
            "the content of this mail is no longer kept ({}); send it anew with send_email",
            why_gone(outbox)
        )),
        Retried::NotFound => Some(format!("there is no mail with the id {}", id.simple())),
    })
}

/// The setting on account of which a content is gone.
pub(super) fn why_gone(outbox: &Outbox) -> &'static str {
    if outbox.is_durable() { "SMTP_KEEP_CONTENT_DAYS" } else { "SMTP_MCP_OUTBOX is memory" }
}

fn not_among(missing: &[Address]) -> String {
    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
    format!(
        "recipients: {}: not among those whose status is unknown or rejected; get_email shows them",
        missing.join(", ")
    )
}

/// Why a mail in this state is not sent again.
async fn not_now(
    outbox: &Outbox,
    id: Uuid,
    principal: Option<Principal>,
    state: State,
) -> Result<String, OutboxError> {
    let email = outbox.get(id, principal).await?;
    Ok(match state {
        State::Sending => {
            let sender = email.and_then(|email| email.sending_by);
            let sender = sender.map_or_else(|| "this program".to_owned(), |process| process.to_string());
            format!(
                "nothing to retry yet: the mail is being sent by {sender}; wait until that has ended, get_email tells when"
            )
        }
        State::Held => {
            let note = email.and_then(|email| note(&email)).unwrap_or_else(|| "held".to_owned());
            format!("nothing to retry yet: the mail is {note}")
        }
        State::Unknown | State::Refused | State::Partial => {
            "nothing to retry: the mail was withdrawn from those who have not got it".to_owned()
        }
        _ => format!(
            "nothing to retry: the mail is {}; only mails in state unknown, refused or partial can be sent again",
            state.word()
        ),
    })
}
