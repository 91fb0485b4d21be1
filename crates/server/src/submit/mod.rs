//! From a request to a composed message.

mod compose_budget;
mod hints;
mod keep;

use std::sync::Arc;

use uuid::{NoContext, Timestamp, Uuid};

use crate::address::Address;
use crate::budget::MemoryPermit;
use crate::clock::Clock;
use crate::compose::{Composed, compose};
use crate::config::Config;
use crate::request::{Draft, SendEmailArgs, ValidationCode, ValidationErrors};

pub use compose_budget::ComposeBudget;
pub use keep::keep;

/// Larger requests are parsed and composed on a blocking thread, in bytes. HTML is always read there.
const LARGE: usize = 64 << 10;

/// A composed message, and hints about it for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The message.
    pub composed: Composed,
    /// Whom it is for, each once: also those in whose place another one gets it.
    pub recipients: Vec<Address>,
    /// What looks wrong in the request, one sentence each.
    pub hints: Vec<String>,
}

/// Composes the requested message, or returns everything that is wrong with the request. A large one waits for
/// `compose_budget`, and counts in it as long as its content is kept.
///
/// # Errors
/// Every error at once; nothing was sent.
pub async fn submit(
    args: SendEmailArgs,
    config: Arc<Config>,
    clock: &Clock,
    compose_budget: &ComposeBudget,
) -> Result<Submission, ValidationErrors> {
    let at = clock.now();
    // version 7: ids sort by time
    let id = Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        at.timestamp().unsigned_abs(),
        at.timestamp_subsec_nanos(),
    ));
    let is_large = is_large(&args);
    let has_html_to_read = args.html == Some(true) && args.text.is_none();
    let make = move || {
        let mut draft = Draft::parse(args, &config.limits)?;
        let hints = hints::hints(&draft);
        draft.bcc.extend_from_slice(&config.default_bcc);
        draft.redirect_to = config.redirect().cloned();
        let recipients = draft.recipients();
        Ok(Submission { composed: compose(&draft, &config, at, id)?, recipients, hints })
    };
    if !is_large && !has_html_to_read {
        return make();
    }
    let permit = if is_large { compose_budget.compose_permit().await } else { MemoryPermit::default() };
    // The permit moves with the work, which goes on if the caller stops waiting.
    let made = tokio::task::spawn_blocking(move || (make(), permit)).await;
    let Ok((made, _permit)) = made else {
        return Err(ValidationErrors::one(
            "",
            ValidationCode::Internal,
            "the message could not be composed (an internal error); nothing was sent",
        ));
    };
    let mut submission = made?;
    let content = &mut submission.composed.message.content;
    *content = compose_budget.keep(std::mem::take(content)).await;
    Ok(submission)
}

/// Whether composing may take long: much to parse, to fill in or to encode, or files to read.
fn is_large(args: &SendEmailArgs) -> bool {
    let attachments = args.attachments.as_deref().unwrap_or_default();
    let from_disk = attachments.iter().any(|one| one.path.is_some());
    from_disk || args.approx_bytes() > LARGE
}
