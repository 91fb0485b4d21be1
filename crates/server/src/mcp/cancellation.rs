//! What became of a cancellation, in words.

use crate::outbox::{Cancelled, Email};
use crate::outcome::{RecipientStatus, State};

/// What became of a cancellation.
pub(crate) struct Cancellation {
    /// In one line.
    pub(crate) text: String,
    /// It changed nothing.
    pub(crate) is_too_late: bool,
}

impl Cancellation {
    /// Of `cancelled`, and of what is known of the message since.
    pub(crate) fn of(cancelled: Cancelled, email: &Email) -> Self {
        let is_too_late = match cancelled {
            Cancelled::Withdrawn => false,
            Cancelled::Stopping => email.state != State::Sending && !was_withdrawn(email),
            Cancelled::TooLate(_) | Cancelled::NotFound => email.state != State::Cancelled,
        };
        Self { text: text(email, is_too_late), is_too_late }
    }
}

fn text(email: &Email, is_too_late: bool) -> String {
    match email.state {
        State::Cancelled => "Cancelled: nobody gets the mail.".to_owned(),
        State::Sending => {
            let process = email.sending_by.as_ref();
            let process = process.map_or_else(|| "this program".to_owned(), ToString::to_string);
            format!(
                "Not cancelled yet: {process} is sending the mail, and this attempt must be waited for; no further one follows. get_email \
                 with id {} tells how it ends.",
                email.id.simple()
            )
        }
        _ if is_too_late => format!("Too late to cancel: {}.", known(email)),
        _ => format!("Cancelled for those who have not got it: {}.", known(email)),
    }
}

/// What is known of the recipients.
fn known(email: &Email) -> String {
    let statuses = [
        (RecipientStatus::Accepted, "sent to"),
        (RecipientStatus::Unknown, "may have been sent to"),
        (RecipientStatus::Rejected, "not sent to"),
    ];
    let named = statuses.iter().filter_map(|(status, words)| {
        let of_status = email.recipients.iter().filter(|one| one.status == *status);
        let addresses: Vec<_> = of_status.map(|one| one.address.to_string()).collect();
        (!addresses.is_empty()).then(|| format!("{words} {}", addresses.join(", ")))
    });
    named.collect::<Vec<_>>().join("; ")
}

/// Whether somebody did not get it because it was cancelled.
fn was_withdrawn(email: &Email) -> bool {
    email.state == State::Cancelled || email.recipients.iter().any(|one| one.is_withdrawn)
}
