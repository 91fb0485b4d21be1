//! What is sent: a mail object (RFC 5321, section 2.3.1), and how.

use crate::{CommitPoint, Content, Envelope};

/// One message to send. Cloning it shares the content and the commit point.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Who sends, and to whom.
    pub envelope: Envelope,
    /// Header and body.
    pub content: Content,
    /// The point of no return of this delivery.
    pub commit_point: CommitPoint,
    /// The content is sent only if every recipient was accepted. It costs a round trip.
    pub all_or_nothing: bool,
}

impl Mail {
    /// A message to each recipient that is accepted.
    pub fn new(envelope: Envelope, content: Content, commit_point: CommitPoint) -> Self {
        Self { envelope, content, commit_point, all_or_nothing: false }
    }
}
