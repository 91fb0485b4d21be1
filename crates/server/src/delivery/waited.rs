//! What a caller learns who waited for a message.

use crate::outbox::Email;

/// What a caller who waited learns.
#[derive(Debug, Clone)]
pub struct Waited {
    /// The record of the message.
    pub email: Email,
    /// It is being sent, and its last byte is out: it can no longer be stopped.
    pub may_have_been_sent: bool,
}
