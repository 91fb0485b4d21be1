//! Whether a message may be sent: when it is taken, and before each attempt, because the rules may have changed since.

use crate::address::Address;
use crate::outbox::{Hold, Outbox, OutboxError};
use crate::policy::{Decision, Policy};

/// Whether a message may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// It may be sent.
    Granted,
    /// A person must approve it first.
    NeedsApproval(Hold),
    /// One of its recipients stops it for everyone.
    Denied(String),
}

/// Where nobody else can reach the outbox, nobody can approve what is in it.
const NOBODY_CAN_APPROVE: &str =
    "SMTP_MCP_OUTBOX is memory, where nobody can approve it; set it to sqlite:PATH";

/// Judges `recipients` by `policy`.
///
/// # Errors
/// The outbox cannot be read.
pub async fn permission(
    outbox: &Outbox,
    policy: &Policy,
    recipients: &[Address],
    is_approved: bool,
) -> Result<Permission, OutboxError> {
    let judgement = outbox.judge(policy, recipients).await?;
    let reasons = judgement.reasons(judgement.decision());
    Ok(match judgement.decision() {
        Decision::Deny => Permission::Denied(reasons.join("; ")),
        Decision::Ask if is_approved => Permission::Granted,
        Decision::Ask if !outbox.is_durable() => {
            Permission::Denied(format!("{}, and {NOBODY_CAN_APPROVE}", reasons.join("; ")))
        }
        Decision::Ask => Permission::NeedsApproval(Hold { reasons, ttl: policy.approval_ttl }),
        Decision::Allow => Permission::Granted,
    })
}
