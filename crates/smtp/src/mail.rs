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
